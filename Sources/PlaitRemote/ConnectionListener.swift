internal import PlaitIO
public import PlaitPlatform
public import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// Accepts connections from other programs, over a Unix socket or TCP.
///
/// With a key, both ends prove to each other that they have it before ``accept(within:)`` returns
/// the connection. Fibers of the listener do that in the background from its creation on, so a
/// silent client holds up nobody. Nothing is encrypted after that: on a network that others can
/// read or change, use a tunnel.
///
/// ```swift
/// let listener = try ConnectionListener(host: "127.0.0.1", port: 0, key: key)
/// let client = spawn(.thread) {
///     try Connection.connect(to: listener.address, key: key).send(value: "hello")
/// }
/// print(try listener.accept().receive(String.self))
/// try client.join()
/// ```
/// A connection that fails is not an error of ``accept(within:)``, since one stranger could end a
/// server by that. The listener counts it: see ``refusals`` and ``lastRefusal``. With
/// `tellsRefusals`, ``accept(within:)`` throws it.
/// - Source: Python's `multiprocessing.connection.Listener`.
public final class ConnectionListener: Sendable {
    private let core: ListenerCore

    /// Listens on an address.
    ///
    /// - Parameters:
    ///   - key: The key that both ends must have; an empty key counts as a key. Nil means none:
    ///     anybody who reaches the address may connect.
    ///   - backlog: How many connections wait to be accepted before the system refuses more. As
    ///     many again wait in the listener.
    ///   - handshakeLimit: How long a connection may take to authenticate itself. At most 1,024
    ///     connections do that at the same time.
    ///   - tellsRefusals: Whether ``accept(within:)`` throws each connection's
    ///     ``AuthenticationError``.
    /// - Throws: `SystemError` such as EADDRINUSE, with the address.
    public init(
        _ address: SocketAddress, key: [UInt8]?, backlog: Int = 128,
        handshakeLimit: Duration = .seconds(5), tellsRefusals: Bool = false
    ) throws {
        let socket = try ListeningSocket(address, backlog: backlog)
        core = ListenerCore(
            socket, key: key, backlog: backlog, handshakeLimit: handshakeLimit,
            tellsRefusals: tellsRefusals)
        try core.start()
    }

    /// Listens on an IP address of this machine; see
    /// ``init(_:key:backlog:handshakeLimit:tellsRefusals:)``.
    ///
    /// - Parameters:
    ///   - host: A number or name; `0.0.0.0` or `::` for all addresses of their family.
    ///   - port: 0 lets the system choose; see ``address``.
    /// - Throws: Also `NameResolutionError`.
    public convenience init(host: String, port: Int, key: [UInt8]?, backlog: Int = 128) throws {
        try self.init(SocketConnecting.localAddress(host, port: port), key: key, backlog: backlog)
    }

    /// Listens on a Unix socket; see ``init(_:key:backlog:handshakeLimit:tellsRefusals:)``.
    ///
    /// The path must not exist; ``close()`` removes it. If a killed program has left a path, remove
    /// it yourself, once you know that nobody listens there. A path that begins with a NUL lies in
    /// Linux's abstract namespace, where nothing is left behind.
    public convenience init(unixPath path: String, key: [UInt8]?, backlog: Int = 128) throws {
        try self.init(SocketConnecting.unixAddress(path), key: key, backlog: backlog)
    }

    deinit { core.close() }

    /// The address on which it listens. If you gave port 0, it has the port that the system chose.
    public var address: SocketAddress { core.socket.address }

    /// Takes the next connection that has authenticated itself. Waits while there is none.
    ///
    /// Blocks the calling thread or parks the calling fiber; several may accept at the same time.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `TimedOut`; `ConnectionError.closed`; `CancellationError`; ``AuthenticationError``
    ///   if `tellsRefusals` was set; `SystemError` if the listener itself fails.
    /// - Source: Python's `Listener.accept`.
    @available(*, noasync)
    public func accept(within limit: Duration? = nil) throws -> Connection {
        let next: Result<Connection, any Error>
        do {
            next = try core.ready.get(within: limit)
        } catch {
            throw core.meaning(of: error)
        }
        return try next.get()
    }

    /// Takes the next connection, suspending the calling task while there is none.
    public func accept(within limit: Duration? = nil) async throws -> Connection {
        let next: Result<Connection, any Error>
        do {
            next = try await core.ready.get(within: limit)
        } catch {
            throw core.meaning(of: error)
        }
        return try next.get()
    }

    /// How many connections did not authenticate themselves.
    public var refusals: Int { core.refusals.count }

    /// Why the last of them did not; nil if there was none yet.
    public var lastRefusal: AuthenticationError? { core.refusals.last }

    /// Stops taking connections, and closes those that nobody has accepted. Accepted connections
    /// live on. A strand in ``accept(within:)`` gets `ConnectionError.closed`. Removes the file of
    /// a Unix socket. Any thread may call it; a second call does nothing.
    public func close() { core.close() }

    public var isClosed: Bool { core.socket.isClosed }
}

extension ConnectionListener: CustomStringConvertible {
    /// Such as `ConnectionListener(127.0.0.1:4711)`.
    public var description: String { "ConnectionListener(\(isClosed ? "closed" : "\(address)"))" }
}
