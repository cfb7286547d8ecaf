internal import Logging
internal import PlaitIO
internal import PlaitParking
public import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import Synchronization
internal import SystemPackage

public typealias TCPListener = StreamListener
public typealias UnixListener = StreamListener

/// A socket that takes connections: TCP over IPv4 or IPv6, or a Unix socket.
///
/// - Source: Python's `socket.create_server`, gevent's `StreamServer`.
public final class StreamListener: Sendable {
    /// The address on which it listens. If you gave port 0, it has the port that the system chose.
    public let address: SocketAddress
    private let socket: ListeningSocket
    let connections = Connections()
    static let logger = Logger(label: "plait.net")

    /// Listens on an IP address of this machine.
    ///
    /// - Parameters:
    ///   - host: A number or name; `0.0.0.0` or `::` for all addresses of their family.
    ///   - port: 0 lets the system choose; see ``port``.
    ///   - backlog: How many connections wait to be accepted before the system refuses more. The
    ///     system's `net.core.somaxconn` caps it.
    ///   - reusePort: Whether other sockets may listen on the port too. The system spreads
    ///     connections over them.
    /// - Throws: `SystemError` such as EADDRINUSE, with the address; `NameResolutionError`.
    public convenience init(
        host: String, port: Int, backlog: Int = 1_024, reusePort: Bool = false
    ) throws {
        try self.init(
            SocketConnecting.localAddress(host, port: port), backlog: backlog, reusePort: reusePort)
    }

    /// Listens on a Unix socket. The path must not exist. It stays when the listener is closed.
    public convenience init(unixPath path: String, backlog: Int = 1_024) throws {
        try self.init(
            SocketConnecting.unixAddress(path), backlog: backlog, reusePort: false)
    }

    private init(_ address: SocketAddress, backlog: Int, reusePort: Bool) throws {
        socket = try ListeningSocket(address, backlog: backlog, reusePort: reusePort)
        self.address = socket.address
    }

    /// The port on which it listens; 0 for a Unix socket.
    public var port: Int { address.port ?? 0 }

    /// Takes the next connection. Waits while there is none.
    ///
    /// Blocks the calling thread or parks the calling fiber. Several strands may accept at the same
    /// time.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `TimedOut`; `StreamError.closed`; `SystemError`: EMFILE if there is no descriptor
    ///   for the connection, which then stays in the backlog; `CancellationError`.
    @available(*, noasync)
    public func accept(within limit: Duration? = nil) throws -> StreamSocket {
        do {
            guard let number = try socket.accept(within: limit) else {
                throw TimedOut("accept on \(address)")
            }
            return StreamSocket(owning: number, isTCP: address.family != .unix)
        } catch is DescriptorClosed {
            throw StreamError.closed
        }
    }

    /// As the sync form, suspending the calling task: the hub of the thread `plait-async` waits.
    public func accept(within limit: Duration? = nil) async throws -> StreamSocket {
        try await ServiceHub.run { try self.accept(within: limit) }
    }

    /// Stops taking connections. Accepted connections live on. A strand in ``accept(within:)`` gets
    /// `StreamError.closed`, and ``serve(limit:_:)`` returns once its connections have ended. Any
    /// thread may call it; a second call does nothing.
    public func close() {
        socket.close()
    }

    public var isClosed: Bool { socket.isClosed }
}
