internal import Plait

/// The echo server on one listener, with a fiber or a thread a connection.
struct StrandEcho {
    private let listener: StreamListener
    private let kind: StrandKind

    init(host: String, port: Int, kind: StrandKind) throws {
        listener = try StreamListener(host: host, port: port)
        self.kind = kind
    }

    /// Serves until a signal comes and the connections have ended, or `drain` has passed.
    func run(drain: Duration) throws {
        let listener = listener
        let signals = try StopSignals { _ in
            listener.close()
            Hub.current.loop.schedule(after: drain) { listener.cancelConnections() }
        }
        announce(listener.address)
        if kind == .fiber {
            try listener.serve(echo)
        } else {
            try listener.serve(kind: kind, echo)
        }
        withExtendedLifetime(signals) {}
    }
}
