internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// A child that was started to run functions: the process, and the connection to it.
struct Launch {
    let child: ChildProcess
    let link: Connection
    /// Nil where its standard error is not ours to see.
    let lastWords: LastWords?
    /// What its input refers to, kept until it has ended.
    var loans: Loans?

    /// Starts one that waits for a ``ChildOrder``; not by a fork.
    /// - Parameters:
    ///   - name: `process-` and its number if nil.
    ///   - work: What it is to do, if that is short: it need not wait for us then.
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

    /// Has the connection end with the process, for what it sent before: others that have inherited
    /// its end may keep it open.
    private static func endReceiving(from link: Connection, with child: ChildProcess) {
        child.end.atEnd { [weak link] in
            try? link?.withNumber { try Sockets.shutdown($0, .reading) }
        }
    }

    /// Receives a message, where nobody else takes the process's status: looks for its end, too.
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
        // It has ended, and so does the connection behind what has come.
        return try received ?? link.receive(atMost: .max)
    }

    /// Nil where there is no whole message yet.
    private func receiveNow() throws -> [UInt8]? {
        do {
            return try link.receive(atMost: .max, within: .zero)
        } catch is TimedOut {
            return nil
        }
    }

    typealias Standard = (Int32?, Int32?, Int32?)

    /// This program anew, whose `main` is not reached.
    /// - Parameter isCopied: Whether the loader is to find all symbols at once, for copies not to
    ///   look again.
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
        // Of descriptor 3, too: see start.c.
        environment["PLAIT_CHILD"] = "\(processID())"
        if isCopied, environment["LD_BIND_NOW"] == nil {
            environment["LD_BIND_NOW"] = "1"
            environment["PLAIT_CHILD"] = "\(processID()) bound"
        }
        // The runtime's own crash reporter takes seconds; the message of a trap comes without it.
        if environment["SWIFT_BACKTRACE"] == nil { environment["SWIFT_BACKTRACE"] = "enable=no" }
        plan.environment = environment
        return try ChildService.perform { [plan] in try Processes.spawn(plan) }
    }

    /// A copy of this process, with its standard streams where the options do not say otherwise.
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
        // ChildProcess.fork sees to that.
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
    /// Whether it says that the process at the other end is gone.
    var meansEnd: Bool { errno == .brokenPipe || errno == .connectionReset }
}
