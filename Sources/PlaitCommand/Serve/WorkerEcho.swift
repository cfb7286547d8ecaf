internal import Plait

/// The echo server on several threads. Each has its own hub and its own listener on the same port,
/// and the system spreads the connections over them.
struct WorkerEcho {
    private let listeners: [StreamListener]

    init(host: String, port: Int, workers: Int) throws {
        let first = try StreamListener(host: host, port: port, reusePort: true)
        let rest = try (1..<workers).map { _ in
            try StreamListener(host: host, port: first.port, reusePort: true)
        }
        listeners = [first] + rest
    }

    /// Serves until a signal comes and the connections have ended, or `drain` has passed.
    func run(drain: Duration) throws {
        // Watch the signals before the threads start.
        try serveUntilStopped(listeners, drain: drain) {
            let hubs = try listeners.indices.map { try Hub.start(name: "echo-\($0)") }
            announce(listeners[0].address)
            try withScope { scope in
                for (hub, listener) in zip(hubs, listeners) {
                    let serving = spawn(.fiber, on: hub.hub) { try listener.serve(echo) }
                    // A worker that fails ends the others.
                    scope.spawn(.fiber) {
                        defer { for listener in listeners { listener.close() } }
                        try serving.join()
                    }
                }
            }
            for hub in hubs { try hub.stop() }
        }
    }
}
