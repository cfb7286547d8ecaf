internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// A child that was started to run functions: its process and the connection to it.
struct Launch {
    let child: ChildProcess
    let link: Connection
    /// Reads the child's standard error; nil if that goes elsewhere.
    let lastWords: LastWords?
    /// Keeps the objects alive to which the input refers, until the child has ended.
    var loans: Loans?

    /// Starts a child that waits for a ``ChildOrder``, by any method except a fork.
    /// - Parameters:
    ///   - name: The child's name; nil takes `process-` and its number.
    ///   - work: The child's work, if it is short. The child then need not wait for an order.
    static func start(
        _ method: StartMethod, _ options: ChildProcess.Options, name: String? = nil,
        work: ChildWork? = nil
    ) throws -> Launch {
        try options.check()
        Children.follow()
        let (ours, theirs) = try Connection.pair()
        if method == .spawn, let work {
            try ours.send(value: work.order)
            try ours.send(work.input)
        }
        let hearsErrors = options.errorOutput == .inherited
        var input = try StandardPipe(
            options.input == .inherited ? .null : options.input, childReads: true)
        var output = try StandardPipe(options.output, childReads: false)
        var errorOutput = try StandardPipe(
            hearsErrors ? .pipe : options.errorOutput, childReads: false)
        let standard = (input.childsEnd, output.childsEnd, errorOutput.childsEnd)
        let (child, lastWords) = try Children.starting {
            let started = try theirs.withNumber { number in
                method == .spawn
                    ? try anew(options, standard, number)
                    : try ForkServer.shared.start(options, standard, theirs, work)
            }
            let errors = errorOutput.takeOurEnd()
            let lastWords = hearsErrors ? errors.map { LastWords(owning: $0) } : nil
            let child = try ChildProcess(
                started: started, name: name, input: input.takeOurEnd(),
                output: output.takeOurEnd(),
                errorOutput: hearsErrors ? nil : errors)
            return (child, lastWords)
        }
        theirs.close()
        endReceiving(from: ours, with: child)
        do {
            try lastWords?.follow()
        } catch {
            child.kill()
            throw error
        }
        return Launch(child: child, link: ours, lastWords: lastWords)
    }

    /// Ends the connection together with the process, after the messages that it sent before. Other
    /// processes that have inherited its end might keep it open.
    private static func endReceiving(from link: Connection, with child: ChildProcess) {
        child.end.atEnd { [weak link] in
            try? link?.withNumber { try Sockets.shutdown($0, .reading) }
        }
    }

    /// Receives a message, and watches for the end of the process too, since no other thread takes
    /// its status.
    /// - Throws: As `Connection.receive`; ``TimedOut``.
    func receive(until deadline: Deadline) throws -> [UInt8] {
        if let message = try receiveNow() { return message }
        let received = try link.withNumber { number -> [UInt8]? in
            var waits = try DescriptorSet(capacity: 2)
            try waits.add(number, .readable, token: 0)
            try waits.add(child.end.watched.number, .readable, token: 1)
            while child.isAlive {
                if let message = try receiveNow() { return message }
                if try waits.wait(until: deadline).isEmpty {
                    throw TimedOut("receive from process \(child.name)")
                }
            }
            return nil
        }
        // The process has ended, so the connection ends behind the bytes that have come.
        return try received ?? link.receive(atMost: .max)
    }

    /// Receives a message without waiting. Returns nil if no whole message is there yet.
    private func receiveNow() throws -> [UInt8]? {
        do {
            return try link.receive(atMost: .max, within: .zero)
        } catch is TimedOut {
            return nil
        }
    }

    typealias Standard = (Int32?, Int32?, Int32?)

    /// Starts this program anew. The new process does not reach `main`.
    /// - Parameter isCopied: Whether the loader resolves all symbols at once, so that copies of the
    ///   process need not do it.
    static func anew(
        _ options: ChildProcess.Options, _ standard: Standard, _ link: Int32,
        isCopied: Bool = false
    ) throws -> Processes.Started {
        var plan = Processes.Plan(
            path: "/proc/self/exe", arguments: Array(CommandLine.arguments.dropFirst()))
        plan.calledName = CommandLine.arguments.first
        options.apply(to: &plan)
        plan.standard = standard
        plan.link = link
        var environment = options.environment ?? Processes.environment
        // The variable alone is not enough: start.c also checks descriptor 3.
        environment["PLAIT_CHILD"] = "\(processID())"
        if isCopied, environment["LD_BIND_NOW"] == nil {
            environment["LD_BIND_NOW"] = "1"
            environment["PLAIT_CHILD"] = "\(processID()) bound"
        }
        // The runtime's crash reporter takes seconds, and a trap prints its message without it.
        if environment["SWIFT_BACKTRACE"] == nil { environment["SWIFT_BACKTRACE"] = "enable=no" }
        plan.environment = environment
        return try ChildService.perform { [plan] in try Processes.spawn(plan) }
    }

    /// Makes a copy of this process. It has this process's standard streams unless the options say
    /// otherwise.
    static func fork(
        _ options: ChildProcess.Options, name: String?, isDaemon: Bool,
        _ body: (Connection) throws -> Void
    ) throws -> Launch {
        try options.check()
        ChildLife.warmUp()
        let (ours, theirs) = try Connection.pair()
        var input = try StandardPipe(options.input, childReads: true)
        var output = try StandardPipe(options.output, childReads: false)
        var errorOutput = try StandardPipe(options.errorOutput, childReads: false)
        var plan = Processes.Plan(path: "a child", arguments: [])
        options.apply(to: &plan)
        plan.standard = (input.childsEnd, output.childsEnd, errorOutput.childsEnd)
        // ChildProcess.fork sets the signal itself.
        plan.deathSignal = nil
        plan.keepsSignals = true
        let ends = (input.takeOurEnd(), output.takeOurEnd(), errorOutput.takeOurEnd())
        func closeEnds() { for end in [ends.0, ends.1, ends.2] { end.map(closeDescriptor) } }
        let child: ChildProcess
        do {
            child = try ChildProcess.fork(
                parentDeathSignal: options.parentDeathSignal, name: name, isDaemon: isDaemon,
                keeping: ends
            ) { [plan] in
                ours.close()
                closeEnds()
                try Processes.settle(plan, parent: 0)
                if let environment = plan.environment { Processes.setEnvironment(environment) }
                try body(theirs)
            }
        } catch {
            closeEnds()
            throw error
        }
        theirs.close()
        endReceiving(from: ours, with: child)
        return Launch(child: child, link: ours, lastWords: nil)
    }
}

extension SystemError {
    /// Whether the error says that the process at the other end is gone.
    var meansEnd: Bool { errno == .brokenPipe || errno == .connectionReset }
}
