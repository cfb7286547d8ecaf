// The verbs of its streams are declared there.
@_exported public import PlaitIO
public import PlaitPlatform

public typealias TCPStream = StreamSocket
public typealias UnixStream = StreamSocket

/// A connected stream socket: TCP over IPv4 or IPv6, or a Unix socket.
///
/// Used by fibers, threads and Swift tasks alike; one reads and one writes at a time. Its verbs are
/// those of ``ByteSource`` and ``ByteSink``. Every operation takes a limit. Dropping the last
/// reference closes it.
/// - Source: Python's `socket`, gevent's.
public final class StreamSocket: DescriptorStream, ByteSource, ByteSink, @unchecked Sendable {
    // Sendable: `isTCP` is constant.
    private let isTCP: Bool

    /// Takes over a connected, non-blocking socket. TCP sends at once what it is given
    /// (`TCP_NODELAY`); see ``noDelay``.
    convenience init(owning number: Int32, isTCP: Bool) {
        self.init(PolledDescriptor(owning: number), isTCP: isTCP)
    }

    /// As ``init(owning:isTCP:)``, for a descriptor that strands use already.
    init(_ descriptor: PolledDescriptor, isTCP: Bool) {
        self.isTCP = isTCP
        super.init(descriptor, isSocket: true)
        if isTCP { noDelay = true }
    }

    /// A connected pair of Unix sockets.
    /// - Throws: `SystemError`.
    public static func pair() throws -> (StreamSocket, StreamSocket) {
        let (one, two) = try Sockets.pair()
        return (StreamSocket(owning: one, isTCP: false), StreamSocket(owning: two, isTCP: false))
    }

    @available(*, noasync)
    public func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        unsafe try sendSome(first, second, until: deadline)
    }

    @available(*, deprecated, renamed: "readLine(atMost:within:)")
    @available(*, noasync)
    public func readLine(limit: Int, within time: Duration? = nil) throws -> String? {
        try readLine(atMost: limit, within: time)
    }

    // MARK: Ending

    /// Tells the peer that nothing more will come; reading goes on.
    /// - Throws: `StreamError.closed`; `SystemError`; ENOTCONN when the peer is gone.
    public func endWriting() throws {
        try withNumber { try Sockets.shutdown($0, .writing) }
    }

    /// Tells the peer that nothing more will come: ``endWriting()`` by the socket's name for it.
    public func shutdownWriting() throws { try endWriting() }

    /// Closes the connection. Whoever reads or writes meanwhile gets `StreamError.closed`. Any
    /// thread; a second call does nothing.
    public func close() {
        descriptor.close { try? Sockets.shutdown($0, .both) }
    }

    /// Closes the connection so that the peer gets a reset, and unsent bytes are dropped. Does
    /// nothing once it is closed.
    public func reset() {
        try? withNumber { Sockets.resetOnClose($0) }
        close()
    }

    // MARK: Properties

    /// The address of this end.
    /// - Throws: `StreamError.closed`; `SystemError`.
    public var localAddress: SocketAddress {
        get throws { try withNumber { try Sockets.localAddress($0) } }
    }

    /// The address of the other end.
    /// - Throws: `StreamError.closed`; `SystemError`: ENOTCONN.
    public var peerAddress: SocketAddress {
        get throws { try withNumber { try Sockets.peerAddress($0) } }
    }

    /// Whether TCP sends small writes at once (`TCP_NODELAY`). True from the start; a Unix socket
    /// has no such delay. False once it is closed, and setting it does nothing then.
    public var noDelay: Bool {
        get { !isTCP || (try? withNumber { Sockets.isSet(.noDelay, of: $0) }) ?? false }
        set { if isTCP { try? withNumber { try Sockets.set(.noDelay, of: $0, to: newValue) } } }
    }
}

extension StreamSocket: CustomStringConvertible {
    /// Such as `connection from 127.0.0.1:4711`.
    public var description: String {
        if isClosed { return "closed connection" }
        guard let peer = try? peerAddress else { return "connection" }
        return "connection with \(peer)"
    }
}
