internal import Plait

/// The echo server on several threads, each with a hub and a listener of its own on the same port:
/// the system spreads the connections over them.
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
        // Signals are watched before the threads start: else these would take them.
        try serveUntilStopped(listeners, drain: drain) {
            let hubs = try listeners.indices.map { try Hub.start(name: "echo-\($0)") }
            announce(listeners[0].address)
            try withScope { scope in
                for (hub, listener) in zip(hubs, listeners) {
                    let serving = spawn(.fiber, on: hub.hub) { try listener.serve(echo) }
                    // One worker that fails ends the others.
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
