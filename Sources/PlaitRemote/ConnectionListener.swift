internal import PlaitIO
public import PlaitPlatform
public import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// Takes connections of programs that need not be its children: over a Unix socket, or TCP.
///
/// With a key, both ends show each other that they have it before ``accept(within:)`` gives the
/// connection out. That is done beside, so that one who says nothing holds up nobody, from the
/// moment on that the listener is there. Nothing of what follows is encrypted: on a network that
/// others can read or change, send it through a tunnel.
///
/// ```swift
/// let listener = try ConnectionListener(host: "127.0.0.1", port: 0, key: key)
/// let client = spawn(.thread) {
///     try Connection.connect(to: listener.address, key: key).send(value: "hello")
/// }
/// print(try listener.accept().receive(String.self))
/// try client.join()
/// ```
/// Connections that fail are no errors of ``accept(within:)``, where one stranger would end a
/// server: they are counted, see ``refusals`` and ``lastRefusal``; or ask for them with
/// `tellsRefusals`.
/// - Source: Python's `multiprocessing.connection.Listener`.
public final class ConnectionListener: Sendable {
    private let core: ListenerCore

    /// Listens on an address.
    ///
    /// - Parameters:
    ///   - key: What both ends must have; an empty one is one. Nil for none: anybody connects who
    ///     reaches the address.
    ///   - backlog: Connections that wait to be accepted before the system refuses more; as many
    ///     again wait in the listener.
    ///   - handshakeLimit: How long a connection may take to authenticate itself. 1,024 may be
    ///     about it at a time.
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
    /// The path must not exist, and is removed by ``close()``. One that a killed program left is to
    /// be removed by who knows that nobody listens there. A path that begins with a NUL names
    /// Linux's abstract namespace, where nothing is left behind.
    public convenience init(unixPath path: String, key: [UInt8]?, backlog: Int = 128) throws {
        try self.init(SocketConnecting.unixAddress(path), key: key, backlog: backlog)
    }

    deinit { core.close() }

    /// Where it listens; with the port that the system chose, if 0 was asked for.
    public var address: SocketAddress { core.socket.address }

    /// Takes the next connection that has authenticated itself, waiting while there is none.
    ///
    /// Blocks the calling thread or parks the calling fiber; several may accept at the same time.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `TimedOut`; `ConnectionError.closed`; `CancellationError`; ``AuthenticationError``
    ///   where they are asked for; `SystemError` where the listener itself fails.
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

    /// Connections that did not authenticate themselves.
    public var refusals: Int { core.refusals.count }

    /// Why the last of them did not; nil if there was none.
    public var lastRefusal: AuthenticationError? { core.refusals.last }

    /// Stops taking connections, and closes those that were not accepted; those that were live on.
    /// Who accepts gets `ConnectionError.closed`. Removes the file of a Unix socket. Any thread; a
    /// second call does nothing.
    public func close() { core.close() }

    public var isClosed: Bool { core.socket.isClosed }
}

extension ConnectionListener: CustomStringConvertible {
    /// Such as `ConnectionListener(127.0.0.1:4711)`.
    public var description: String { "ConnectionListener(\(isClosed ? "closed" : "\(address)"))" }
}
