internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import SystemPackage
internal import PlaitSync

/// This program's side of the helper that forks. The helper is started with the first child, and
/// again if it has ended.
final class ForkServer: @unchecked Sendable {
    // Sendable: `lock` guards `server`.
    static let shared = ForkServer()

    private let lock = Lock(name: "fork server", onDeadlock: .off)
    private var server: Server?

    private struct Server {
        let process: ChildProcess
        let link: Connection
        /// The helper's working directory, which is also that of its children unless their options
        /// say otherwise.
        let directory: String?
    }

    /// The number of the helper process; nil before the first child.
    var pid: Int32? { whileIdle { $0 } }

    /// Calls `body` with the helper's number while nobody asks it for a process.
    func whileIdle<Result>(_ body: (Int32?) throws -> Result) rethrows -> Result {
        try lock.withLock { try body(server?.process.pid) }
    }

    /// Starts a child.
    func start(
        _ options: ChildProcess.Options, _ standard: Launch.Standard, _ link: Connection,
        _ work: ChildWork?
    ) throws -> Processes.Started {
        var order = ForkOrder(parent: processID())
        // The helper has the standard streams that this program had when the helper was started.
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
        // A thread without a hub asks by itself, which saves waking another thread twice.
        if Hub.ofThread == nil { return try start(order, from: here, streams, link) }
        // All others ask on one hub, since a descriptor keeps a registration for each hub that has
        // waited for it.
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
            // The helper had read the order and may have made the process. A second process must
            // not run the function too.
            server = nil
            throw ProcessFunctionError.noForkServer("\(error)")
        } catch is HelperGone {
            // The helper was killed before it had read the order, perhaps together with the last
            // child of a group. Try once more, with a new helper.
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
            // This process had no room for the child's descriptor. Only the helper has one now.
            var ending = ForkOrder(parent: processID())
            ending.endsLast = true
            try? server.link.send(value: ending)
            Processes.discard(child: reply.pid)
            throw SystemError(errno: .tooManyOpenFiles, call: "clone")
        }
    }

    /// Waits for the helper's answer. Continues a helper that somebody has stopped, and ends one
    /// that does not answer for ten seconds.
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

    /// Waits whatever happens to the caller. Otherwise the next caller would get this answer, and
    /// nobody would know the new process. A cancellation goes to the caller's next wait.
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
