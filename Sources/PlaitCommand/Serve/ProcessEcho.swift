internal import Plait

/// The echo server with one process for each connection. The process that accepts forks it.
struct ProcessEcho {
    private let listener: StreamListener

    init(host: String, port: Int) throws {
        listener = try StreamListener(host: host, port: port)
    }

    /// Serves until a signal comes and the children have ended. Kills the children that are left
    /// when `drain` has passed.
    ///
    /// A terminal sends SIGINT to all processes, but only this process decides when a connection
    /// ends.
    func run(drain: Duration) throws {
        let children = Children(of: listener)
        try serveUntilStopped(children, drain: drain) {
            announce(listener.address)
            try serve(children)
            _ = try children.awaitIdle(within: nil)
        }
    }

    private func serve(_ children: Children) throws {
        var nextComplaint: UInt64 = 0
        while true {
            do {
                try serveNext(children)
            } catch StreamError.closed {
                return
            } catch {
                // The system is out of processes or descriptors until some children have ended.
                if monotonicNow() >= nextComplaint {
                    nextComplaint = monotonicNow() + 1_000_000_000
                    StandardStream.error.write("plait: a connection is not served: \(error)\n")
                }
                try Strand.sleep(for: .milliseconds(100))
            }
        }
    }

    private func serveNext(_ children: Children) throws {
        let connection = try listener.accept()
        // The child has its own copy of the descriptor.
        defer { connection.close() }
        let child = try ChildProcess.fork {
            listener.close()
            // A client that resets the connection is not a failure of the child.
            do { try echo(connection) } catch is SystemError {}
        }
        children.add(child)
    }

    /// The processes of the connections. It belongs to the main thread.
    private final class Children: Drainable {
        private let listener: StreamListener
        private var alive: [Int32: (child: ChildProcess, watch: JoinHandle<Void>)] = [:]

        init(of listener: StreamListener) { self.listener = listener }

        func add(_ child: ChildProcess) {
            let watch = spawn(.fiber) {
                defer { self.alive[child.pid] = nil }
                do {
                    try child.join()
                } catch {
                    // A child for whose end nobody can wait must not stay.
                    child.kill()
                    throw error
                }
            }
            alive[child.pid] = (child, watch)
        }

        func stopAccepting() { listener.close() }

        var workCount: Int { alive.count }

        func awaitIdle(within limit: Duration?) throws -> Bool {
            let deadline = limit.map { ContinuousClock.now + $0 }
            while let (_, watch) = alive.values.first {
                let rest = deadline.map { ContinuousClock.now.duration(to: $0) }
                guard try watch.strand.join(within: rest.map { max($0, .zero) }) else {
                    return false
                }
                try? watch.join()
            }
            return true
        }

        /// Kills the children, since another process cannot be cancelled.
        func cutOff() -> Int {
            for (child, _) in alive.values { child.kill() }
            return alive.count
        }
    }
}
