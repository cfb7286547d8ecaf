internal import ArgumentParser
internal import Plait

/// `plait serve echo`: sends back every byte that it receives, until it is told to end.
struct ServeEcho: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "Send back every byte that a client sends.",
        discussion: """
            Prints `listening on ADDRESS:PORT` once it takes connections. SIGTERM or SIGINT makes it \
            take no more, wait for those it has, and exit with 0; a second signal ends it at once.
            """)

    @Option(help: "What a connection runs on: fiber, thread or process.")
    var model = Model.fiber

    @Option(help: "Address or name to listen on.")
    var host = "127.0.0.1"

    @Option(help: "Port to listen on; 0 lets the system choose.")
    var port = 8_007

    @Option(help: "Threads that run fibers, each with a listener of its own. Only for fibers.")
    var workers = 1

    @Option(help: "Seconds that connections have to end after the first signal.")
    var drain = 5.0

    func validate() throws {
        guard (0...65_535).contains(port) else {
            throw ValidationError("--port \(port) is not a port; give 0 to 65535")
        }
        guard (1...1_024).contains(workers) else {
            throw ValidationError("--workers \(workers): give 1 to 1024")
        }
        guard drain >= 0 && drain < 1e9 else {
            throw ValidationError("--drain \(drain): give seconds, 0 or more")
        }
        if workers > 1 && model != .fiber {
            throw ValidationError(
                """
                --workers \(workers) means nothing for --model \(model.rawValue), where every \
                connection has a \(model.rawValue) of its own already; leave it out
                """)
        }
    }

    func run() throws {
        DescriptorLimit.raise()
        switch (model, workers) {
        case (.process, _): try ProcessEcho(host: host, port: port).run(drain: .seconds(drain))
        case (.fiber, 2...):
            try WorkerEcho(host: host, port: port, workers: workers).run(drain: .seconds(drain))
        default:
            let kind = model == .fiber ? StrandKind.fiber : .thread
            try StrandEcho(host: host, port: port, kind: kind).run(drain: .seconds(drain))
        }
    }
}

/// Sends back the client's bytes until the client ends its side.
@Sendable
func echo(_ connection: StreamSocket) throws {
    while try connection.readChunk({ bytes in try connection.write(bytes) }) {}
}

/// Prints the address on which the server listens.
func announce(_ address: SocketAddress) {
    StandardStream.output.write("listening on \(address)\n")
}

/// Runs `serve`, and drains the server at the first signal. Reports connections that the drain has
/// cut off.
///
/// Called on the main thread.
func serveUntilStopped(
    _ server: some Drainable, drain: Duration, _ serve: () throws -> Void
) throws {
    let draining = Draining(server, limit: drain)
    let signals = try StopSignals { _ in draining.start() }
    try serve()
    try draining.finish()
    withExtendedLifetime(signals) {}
}

/// The drain of a server, in a fiber of the main thread.
private final class Draining<Server: Drainable> {
    private let server: Server
    private let limit: Duration
    private var fiber: JoinHandle<DrainReport>?

    init(_ server: Server, limit: Duration) {
        self.server = server
        self.limit = limit
    }

    func start() {
        // Stop now, and not when the fiber's turn comes.
        server.stopAccepting()
        fiber = spawn(.fiber) { [server, limit] in try server.drain(within: limit) }
    }

    func finish() throws {
        guard let report = try fiber?.join(), report.cut > 0 else { return }
        StandardStream.error.write("plait: connections cut off after \(limit): \(report.cut)\n")
    }
}
