internal import Plait

/// The echo server with a process a connection, forked by the one that accepts.
struct ProcessEcho {
    private let listener: StreamListener

    init(host: String, port: Int) throws {
        listener = try StreamListener(host: host, port: port)
    }

    /// Serves until a signal comes and the children have ended, or `drain` has passed: then they are
    /// killed.
    ///
    /// The children keep SIGINT and SIGTERM blocked, as they are here: a terminal sends them to all,
    /// and only this process is to decide when a connection ends.
    func run(drain: Duration) throws {
        let listener = listener
        let children = Children()
        let signals = try StopSignals { _ in
            listener.close()
            Hub.current.loop.schedule(after: drain) { children.killAll() }
        }
        announce(listener.address)
        var nextComplaint: UInt64 = 0
        while true {
            do {
                try serveNext(children)
            } catch StreamError.closed {
                break
            } catch {
                // The system is out of processes or descriptors: until some have ended.
                if monotonicNow() >= nextComplaint {
                    nextComplaint = monotonicNow() + 1_000_000_000
                    StandardStream.error.write("plait: a connection is not served: \(error)\n")
                }
                try Strand.sleep(for: .milliseconds(100))
            }
        }
        children.joinAll()
        withExtendedLifetime(signals) {}
    }

    private func serveNext(_ children: Children) throws {
        let connection = try listener.accept()
        // The child has a copy of its own.
        defer { connection.close() }
        let child = try ChildProcess.fork {
            listener.close()
            // A client that resets the connection is no failure of the child's.
            do { try echo(connection) } catch is SystemError {}
        }
        children.add(child)
    }

    /// The processes of the connections. Belongs to the main thread.
    private final class Children {
        private var alive: [Int32: (child: ChildProcess, watch: JoinHandle<Void>)] = [:]

        func add(_ child: ChildProcess) {
            let watch = spawn(.fiber) {
                defer { self.alive[child.pid] = nil }
                do {
                    try child.join()
                } catch {
                    // One whose end cannot be waited for must not stay.
                    child.kill()
                    throw error
                }
            }
            alive[child.pid] = (child, watch)
        }

        func killAll() {
            for (child, _) in alive.values { child.kill() }
        }

        func joinAll() {
            while let (_, watch) = alive.values.first { try? watch.join() }
        }
    }
}
