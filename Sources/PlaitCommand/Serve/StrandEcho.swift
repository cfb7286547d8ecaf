internal import Plait

/// The echo server on one listener, with one fiber or one thread for each connection.
struct StrandEcho {
    private let listener: StreamListener
    private let kind: StrandKind

    init(host: String, port: Int, kind: StrandKind) throws {
        listener = try StreamListener(host: host, port: port)
        self.kind = kind
    }

    /// Serves until a signal comes and the connections have ended, or `drain` has passed.
    func run(drain: Duration) throws {
        try serveUntilStopped(listener, drain: drain) {
            announce(listener.address)
            if kind == .fiber {
                try listener.serve(echo)
            } else {
                try listener.serve(kind: kind, echo)
            }
        }
    }
}
