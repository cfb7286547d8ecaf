// PlaitIO declares the verbs of these streams.
@_exported public import PlaitIO
public import PlaitPlatform

public typealias TCPStream = StreamSocket
public typealias UnixStream = StreamSocket

/// A connected stream socket: TCP over IPv4 or IPv6, or a Unix socket.
///
/// Fibers, threads and Swift tasks can use it. One of them reads and one writes at a time. Its
/// verbs are those of ``ByteSource`` and ``ByteSink``. Every operation takes a limit. Dropping the
/// last reference closes the socket.
/// - Source: Python's `socket`, gevent's.
public final class StreamSocket: DescriptorStream, ByteSource, ByteSink, @unchecked Sendable {
    // Sendable: `isTCP` is constant.
    private let isTCP: Bool

    /// Takes over a connected, non-blocking socket. TCP sends small writes at once (`TCP_NODELAY`);
    /// see ``noDelay``.
    convenience init(owning number: Int32, isTCP: Bool) {
        self.init(PolledDescriptor(owning: number), isTCP: isTCP)
    }

    /// As ``init(owning:isTCP:)``, for a descriptor that strands already use.
    init(_ descriptor: PolledDescriptor, isTCP: Bool) {
        self.isTCP = isTCP
        super.init(descriptor, isSocket: true)
        if isTCP { noDelay = true }
    }

    /// Makes a connected pair of Unix sockets.
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

    /// Tells the peer that nothing more will come. This side can still read.
    /// - Throws: `StreamError.closed`; `SystemError`; ENOTCONN when the peer is gone.
    public func endWriting() throws {
        try withNumber { try Sockets.shutdown($0, .writing) }
    }

    /// The same as ``endWriting()``, under the name that sockets use.
    public func shutdownWriting() throws { try endWriting() }

    /// Closes the connection. Strands that read or write meanwhile get `StreamError.closed`. Any
    /// thread may call it; a second call does nothing.
    public func close() {
        descriptor.close { try? Sockets.shutdown($0, .both) }
    }

    /// Closes the connection, sends the peer a reset, and drops unsent bytes. Does nothing once the
    /// connection is closed.
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

    /// Whether TCP sends small writes at once (`TCP_NODELAY`). True at first; a Unix socket has no
    /// such delay. After closing it is false, and setting it does nothing.
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
