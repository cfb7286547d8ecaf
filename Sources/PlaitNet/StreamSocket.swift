public import PlaitPlatform
internal import PlaitStrands
internal import SystemPackage

public typealias TCPStream = StreamSocket
public typealias UnixStream = StreamSocket

/// A connected stream socket: TCP over IPv4 or IPv6, or a Unix socket.
///
/// Used by fibers and threads alike; one reads and one writes at a time. Every operation takes a
/// limit. Dropping the last reference closes it.
/// - Source: Python's `socket`, gevent's.
public final class StreamSocket: Sendable {
    let descriptor: PolledDescriptor
    let input = InputBuffer()
    private let isTCP: Bool

    /// Takes over a connected, non-blocking socket. TCP sends at once what it is given
    /// (`TCP_NODELAY`); see ``noDelay``.
    convenience init(owning number: Int32, isTCP: Bool) {
        self.init(PolledDescriptor(owning: number), isTCP: isTCP)
    }

    /// As ``init(owning:isTCP:)``, for a descriptor that strands use already.
    init(_ descriptor: PolledDescriptor, isTCP: Bool) {
        self.descriptor = descriptor
        self.isTCP = isTCP
        if isTCP { noDelay = true }
    }

    /// A connected pair of Unix sockets.
    /// - Throws: `SystemError`.
    public static func pair() throws -> (StreamSocket, StreamSocket) {
        let (one, two) = try Sockets.pair()
        return (StreamSocket(owning: one, isTCP: false), StreamSocket(owning: two, isTCP: false))
    }

    // MARK: Reading

    /// Reads what there is, at most as much as `buffer` holds, waiting while there is nothing.
    ///
    /// Blocks the calling thread or parks the calling fiber. Allocates nothing.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Returns: How many bytes; 0 when the peer has ended its side (or `buffer` is empty).
    /// - Throws: `StreamError.timedOut`, `.closed`; `SystemError` such as ECONNRESET;
    ///   `CancellationError`.
    /// - Source: Python's `socket.recv_into`.
    @available(*, noasync)
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, within limit: Duration? = nil
    ) throws -> Int {
        if unsafe buffer.isEmpty { return 0 }
        if !input.isEmpty { return unsafe input.take(into: buffer) }
        return unsafe try receive(into: buffer, within: limit)
    }

    /// Reads into a span; see ``read(into:within:)-(UnsafeMutableRawBufferPointer,_)``.
    @available(*, noasync)
    public func read(
        into span: inout MutableRawSpan, within limit: Duration? = nil
    ) throws -> Int {
        try unsafe span.withUnsafeMutableBytes { unsafe try read(into: $0, within: limit) }
    }

    /// Lends what there is to `body`, waiting while there is nothing: at most 64 KiB, in a buffer
    /// that this connection has only meanwhile. An idle connection owns no buffer.
    ///
    /// - Returns: False, without calling `body`, when the peer has ended its side.
    @available(*, noasync)
    public func readChunk(
        within limit: Duration? = nil, _ body: (RawSpan) throws -> Void
    ) throws -> Bool {
        var lent: UnsafeMutableRawBufferPointer?
        defer { if let buffer = unsafe lent { unsafe BufferPool.shared.give(buffer) } }
        if !input.isEmpty {
            let buffer = unsafe BufferPool.shared.take()
            unsafe lent = unsafe buffer
            let count = unsafe input.take(into: buffer)
            unsafe try lend(buffer, count, to: body)
            return true
        }
        let count = try done("read") {
            try descriptor.read("recv", full: BufferPool.size, within: limit) { number in
                let buffer = unsafe BufferPool.shared.take()
                let attempt = unsafe Sockets.receive(number, into: buffer)
                if case .done(let count) = attempt, count > 0 {
                    unsafe lent = unsafe buffer
                } else {
                    unsafe BufferPool.shared.give(buffer)
                }
                return attempt
            }
        }
        guard let buffer = unsafe lent else { return false }
        unsafe try lend(buffer, count, to: body)
        return true
    }

    private func lend(
        _ buffer: UnsafeMutableRawBufferPointer, _ count: Int, to body: (RawSpan) throws -> Void
    ) rethrows {
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
        try body(unsafe RawSpan(_unsafeBytes: bytes))
    }

    /// A read past the input buffer.
    func receive(into buffer: UnsafeMutableRawBufferPointer, within limit: Duration?) throws -> Int
    {
        try done("read") {
            try descriptor.read("recv", full: buffer.count, within: limit) {
                unsafe Sockets.receive($0, into: buffer)
            }
        }
    }

    // MARK: Writing

    /// Writes all of `bytes`, waiting while the peer takes no more.
    ///
    /// Blocks the calling thread or parks the calling fiber. Allocates nothing. The bytes are in the
    /// system's buffer when it returns, which does not say that the peer has them.
    /// - Parameter limit: Longest wait for the whole; `nil` waits for ever.
    /// - Throws: `StreamError.timedOut`, `.closed`; `SystemError` such as EPIPE or ECONNRESET;
    ///   `CancellationError`. Part of the bytes may be written then.
    /// - Source: Python's `socket.sendall`.
    @available(*, noasync)
    public func write(_ bytes: UnsafeRawBufferPointer, within limit: Duration? = nil) throws {
        let deadline = Deadline(within: limit)
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            let count = try done("write") {
                try descriptor.write("send", until: deadline) {
                    unsafe Sockets.send($0, rest)
                }
            }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Writes all of `bytes`; see ``write(_:within:)-(UnsafeRawBufferPointer,_)``.
    @available(*, noasync)
    public func write(_ bytes: [UInt8], within limit: Duration? = nil) throws {
        unsafe try bytes.withUnsafeBytes { unsafe try write($0, within: limit) }
    }

    /// Writes a span; see ``write(_:within:)-(UnsafeRawBufferPointer,_)``.
    @available(*, noasync)
    public func write(_ span: RawSpan, within limit: Duration? = nil) throws {
        unsafe try span.withUnsafeBytes { unsafe try write($0, within: limit) }
    }

    /// Writes the UTF-8 of `text`; see ``write(_:within:)-(UnsafeRawBufferPointer,_)``.
    @available(*, noasync)
    public func write(_ text: String, within limit: Duration? = nil) throws {
        var text = text
        try text.withUTF8 { unsafe try write(UnsafeRawBufferPointer($0), within: limit) }
    }

    // MARK: Ending

    /// Tells the peer that nothing more will come; reading goes on.
    /// - Throws: `SystemError`; ENOTCONN when the peer is gone.
    public func shutdownWriting() throws {
        try Sockets.shutdown(descriptor.number, .writing)
    }

    /// Closes the connection. Who reads or writes meanwhile gets `StreamError.closed`. Any thread; a
    /// second call does nothing.
    public func close() {
        descriptor.close { try? Sockets.shutdown($0, .both) }
    }

    /// Closes the connection so that the peer gets a reset, and unsent bytes are dropped.
    public func reset() {
        Sockets.resetOnClose(descriptor.number)
        close()
    }

    public var isClosed: Bool { descriptor.isClosed }

    // MARK: Properties

    /// The address of this end.
    public var localAddress: SocketAddress {
        get throws { try Sockets.localAddress(descriptor.number) }
    }

    /// The address of the other end.
    public var peerAddress: SocketAddress {
        get throws { try Sockets.peerAddress(descriptor.number) }
    }

    /// Whether TCP sends small writes at once (`TCP_NODELAY`). True from the start; a Unix socket
    /// has no such delay.
    public var noDelay: Bool {
        get { !isTCP || Sockets.isSet(.noDelay, of: descriptor.number) }
        set { if isTCP { try? Sockets.set(.noDelay, of: descriptor.number, to: newValue) } }
    }

    /// The result of a call, or what kept it from being done.
    func done(_ call: String, _ body: () throws -> Int?) throws -> Int {
        do {
            guard let result = try body() else { throw StreamError.timedOut(call: call) }
            return result
        } catch is DescriptorClosed {
            throw StreamError.closed
        }
    }
}
