internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import SystemPackage
internal import PlaitSync

/// The helper that forks, as this program sees it: started with the first child, and again if it
/// ended.
final class ForkServer: @unchecked Sendable {
    // Sendable: `lock` guards `server`.
    static let shared = ForkServer()

    private let lock = Lock(name: "fork server", onDeadlock: .off)
    private var server: Server?

    private struct Server {
        let process: ChildProcess
        let link: Connection
        /// Where it works, and so its children do if they are not told otherwise.
        let directory: String?
    }

    /// The helper's number; nil before the first child.
    var pid: Int32? { whileIdle { $0 } }

    /// Calls `body` with the helper's number while nobody asks it for a process.
    func whileIdle<Result>(_ body: (Int32?) throws -> Result) rethrows -> Result {
        try lock.withLock { try body(server?.process.pid) }
    }

    /// A new child.
    func start(
        _ options: ChildProcess.Options, _ standard: Launch.Standard, _ link: Connection,
        _ work: ChildWork?
    ) throws -> Processes.Started {
        var order = ForkOrder(parent: processID())
        // The helper's own are those that this program had when it was started.
        let own = [standard.0, standard.1, standard.2].enumerated()
        let streams = own.map { $1 ?? (Processes.isOpen(Int32($0)) ? Int32($0) : nil) }
        order.standard = streams.map { $0 != nil }
        order.deathSignal = options.parentDeathSignal?.number
        order.hasOwnGroup = options.hasOwnGroup
        order.hasOwnSession = options.hasOwnSession
        order.directory = options.workingDirectory
        order.environment = options.environment
        (order.memory, order.seconds, order.descriptors) = options.numbers
        order.processors = options.processors
        order.work = work

        let here = Processes.currentDirectory
        // A thread without a hub asks by itself: that saves waking another twice.
        if Hub.ofThread == nil { return try start(order, from: here, streams, link) }
        // Others, on one hub always: a descriptor keeps what it needs of each hub that has waited
        // for it.
        return try ChildService.perform { [order] in
            try self.start(order, from: here, streams, link)
        }
    }

    private func start(
        _ given: ForkOrder, from here: String?, _ streams: [Int32?], _ link: Connection
    ) throws -> Processes.Started {
        try uncancelled { try lock.acquire() }
        defer { lock.release() }
        var order = given
        if order.directory == nil, here != server?.directory { order.directory = here }
        do {
            return try ask(order, streams, link)
        } catch let error as ConnectionError {
            // It had read the order, and has perhaps made the process: another must not run the
            // function too.
            server = nil
            throw ProcessFunctionError.noForkServer("\(error)")
        } catch is HelperGone {
            // It was killed before it had read the order, perhaps with the last child of a group.
            // Once more, with a new one.
            server = nil
            do {
                return try ask(order, streams, link)
            } catch is HelperGone {
                throw ProcessFunctionError.noForkServer("it ended twice")
            } catch let error as ConnectionError {
                throw ProcessFunctionError.noForkServer("\(error)")
            }
        }
    }

    private struct HelperGone: Error {}

    private func ask(
        _ order: ForkOrder, _ streams: [Int32?], _ link: Connection
    ) throws -> Processes.Started {
        let server: Server
        do {
            server = try running()
            try server.link.send(value: order)
            try link.withNumber { number in
                for number in [number] + streams.compactMap({ $0 }) {
                    try server.link.send(.init(rawValue: number))
                }
            }
        } catch let error as SystemError where error.meansEnd {
            throw HelperGone()
        }
        let reply: ForkReply
        do {
            reply = try hear(server) { try server.link.receive(ForkReply.self, within: $0) }
        } catch let error as SystemError where error.meansEnd {
            throw HelperGone()
        }
        guard reply.pid > 0 else {
            throw SystemError(errno: .init(rawValue: reply.errno), call: reply.call)
        }
        do {
            let descriptor = try hear(server) { try server.link.receiveDescriptor(within: $0) }
            return Processes.Started(pid: reply.pid, descriptor: descriptor.rawValue)
        } catch ConnectionError.descriptorLost {
            // There was no room for it here. Only the helper knows the child now, by a descriptor
            // of its own.
            var ending = ForkOrder(parent: processID())
            ending.endsLast = true
            try? server.link.send(value: ending)
            Processes.discard(child: reply.pid)
            throw SystemError(errno: .tooManyOpenFiles, call: "clone")
        }
    }

    /// Waits for what the helper says. One that somebody has stopped is told to go on; one that
    /// says nothing for ten seconds is ended.
    private func hear<Result>(
        _ server: Server, _ receive: (Duration) throws -> Result
    ) throws -> Result {
        for _ in 0..<50 {
            do {
                return try uncancelled { try receive(.milliseconds(200)) }
            } catch is TimedOut {
                try? server.process.send(.resume)
            }
        }
        server.process.kill()
        self.server = nil
        throw ProcessFunctionError.noForkServer("it said nothing for 10 s")
    }

    /// Waits whatever happens to the caller: the helper's answers would be mixed up, and a process
    /// be there that nobody knows. A cancellation is for the caller's next wait.
    private func uncancelled<Result>(_ wait: () throws -> Result) throws -> Result {
        var isCancelled = false
        defer { if isCancelled { Strand.current.cancel() } }
        while true {
            do {
                return try wait()
            } catch is CancellationError {
                isCancelled = true
            }
        }
    }

    private func running() throws -> Server {
        if let server { return server }
        let (ours, theirs) = try Connection.pair()
        let started = try theirs.withNumber {
            try Launch.anew(ChildProcess.Options(), (nil, nil, nil), $0, isCopied: true)
        }
        theirs.close()
        let here = Processes.currentDirectory
        let made = Server(
            process: try ChildProcess(started: started, name: ChildEnd.helper), link: ours,
            directory: here)
        server = made
        try ours.send(value: ChildOrder(role: .server))
        return made
    }
}
