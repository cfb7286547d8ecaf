public import PlaitPlatform
package import PlaitIO
internal import PlaitStrands
internal import PlaitSync
internal import Synchronization
public import SystemPackage

/// One end of a connection between processes, or strands, that passes messages: bytes, values,
/// descriptors and other connections.
///
/// A message arrives whole, however long it is. Two messages are never merged, and an empty message
/// counts as one. Any number of strands may send and receive at both ends; each message goes to one
/// of them. Threads block and fibers park. Dropping the last reference closes this end. The other
/// end finds that out once it has received all messages sent before.
///
/// ```swift
/// let (parent, child) = try Connection.pair()
/// let process = try ChildProcess.fork {
///     parent.close()
///     try child.send(value: ["hello": 42])
/// }
/// child.close()
/// print(try parent.receive([String: Int].self))
/// try process.join()
/// ```
/// After a fork both processes hold both ends. Each must close the end that is not its own, or it
/// will not notice when the other process is gone.
/// - Source: Python's `multiprocessing.Pipe` and `multiprocessing.connection.Connection`.
public final class Connection: Sendable {
    private let descriptor: PolledDescriptor
    /// Whether the connection passes descriptors. It does over a Unix socket, but not over TCP.
    public let passesDescriptors: Bool
    /// Whether this end receives.
    public let isReadable: Bool
    /// Whether this end sends.
    public let isWritable: Bool
    // The search for deadlocks ignores these locks, since a strand that waits for one does not wait
    // for the holder's other locks.
    private let sending = Lock(onDeadlock: .off)
    private let receiving = Lock(onDeadlock: .off)
    /// Guarded by `receiving`.
    private let incoming: Incoming
    /// Whether a send ended in the middle of a message. Written under `sending`.
    private let isCut = Atomic<Bool>(false)

    /// Takes over a connected, non-blocking stream socket.
    package init(
        _ descriptor: PolledDescriptor, isReadable: Bool = true, isWritable: Bool = true,
        passesDescriptors: Bool
    ) {
        self.descriptor = descriptor
        incoming = Incoming()
        self.isReadable = isReadable
        self.isWritable = isWritable
        self.passesDescriptors = passesDescriptors
    }

    /// Takes over a connected, non-blocking Unix stream socket.
    convenience init(owning number: Int32, isReadable: Bool, isWritable: Bool) {
        self.init(
            PolledDescriptor(owning: number), isReadable: isReadable, isWritable: isWritable,
            passesDescriptors: true)
    }

    /// Takes over a connected Unix stream socket, such as one that a service manager passed.
    /// - Throws: `SystemError`: EBADF if there is no such descriptor.
    public convenience init(
        _ socket: FileDescriptor, isReadable: Bool = true, isWritable: Bool = true
    ) throws(SystemError) {
        try Sockets.makeNonBlocking(socket.rawValue)
        self.init(owning: socket.rawValue, isReadable: isReadable, isWritable: isWritable)
    }

    /// Makes two connected ends, which both send and receive.
    /// - Throws: `SystemError`: EMFILE, ENFILE.
    public static func pair() throws(SystemError) -> (Connection, Connection) {
        let (one, two) = try Sockets.pair()
        return (
            Connection(owning: one, isReadable: true, isWritable: true),
            Connection(owning: two, isReadable: true, isWritable: true)
        )
    }

    /// Makes two connected ends. One only receives, and the other only sends.
    /// - Throws: `SystemError`: EMFILE, ENFILE.
    public static func oneWay() throws(SystemError) -> (receiver: Connection, sender: Connection) {
        let (one, two) = try Sockets.pair()
        return (
            Connection(owning: one, isReadable: true, isWritable: false),
            Connection(owning: two, isReadable: false, isWritable: true)
        )
    }

    // MARK: Sending

    /// Sends a message. Waits while the other end takes no more.
    ///
    /// Blocks the calling thread or parks the calling fiber. When the call returns the system has
    /// the message, but the other end may not have it yet.
    /// - Parameter limit: Longest wait for the whole call; `nil` waits for ever. If it passes in
    ///   the middle of a long message, later sends throw `ConnectionError.cut`.
    /// - Throws: ``ConnectionError``; `SystemError`: EPIPE or ECONNRESET when the other end is
    ///   gone; `CancellationError`.
    /// - Source: Python's `Connection.send_bytes`.
    @available(*, noasync)
    public func send(_ bytes: [UInt8], within limit: Duration? = nil) throws {
        unsafe try bytes.withUnsafeBytes {
            unsafe try send(.bytes, $0, passing: nil, within: limit)
        }
    }

    /// Sends the bytes of a span as a message; see ``send(_:within:)-([UInt8],_)``.
    @available(*, noasync)
    public func send(_ bytes: RawSpan, within limit: Duration? = nil) throws {
        unsafe try bytes.withUnsafeBytes {
            unsafe try send(.bytes, $0, passing: nil, within: limit)
        }
    }

    /// Sends a value as MessagePack; see ``MessagePackEncoder``. The other end sees a message like
    /// any other.
    /// - Throws: As ``send(_:within:)-([UInt8],_)``; errors of the value's encoding.
    /// - Source: Python's `Connection.send`.
    @available(*, noasync)
    public func send(value: some Encodable, within limit: Duration? = nil) throws {
        try send(MessagePackEncoder().encode(value, in: .unwatched), within: limit)
    }

    /// Sends a descriptor. The other end receives its own descriptor of the same open file. The
    /// caller keeps this one.
    /// - Throws: As ``send(_:within:)-([UInt8],_)``; `ConnectionError.noDescriptors` over TCP;
    ///   `SystemError`: EBADF.
    /// - Source: Python's `multiprocessing.reduction.send_handle`.
    @available(*, noasync)
    public func send(_ file: FileDescriptor, within limit: Duration? = nil) throws {
        unsafe try send(
            .descriptor, UnsafeRawBufferPointer(start: nil, count: 0), passing: file.rawValue,
            within: limit)
    }

    /// Sends another connection. The other end receives a connection to the same peer as `other`.
    /// The caller keeps `other`, and closes it if the two must not share it.
    ///
    /// Messages that have come but are not taken in yet go to the process that receives first.
    /// - Throws: As ``send(_:within:)-(FileDescriptor,_)``. `ConnectionError.unread` if `other` has
    ///   taken in messages that nobody has received: receive them first. `.cut` if `other` is cut.
    @available(*, noasync)
    public func send(_ other: Connection, within limit: Duration? = nil) throws {
        let direction: [UInt8] = [
            (other.isReadable ? 1 : 0) | (other.isWritable ? 2 : 0)
                | (other.passesDescriptors ? 0 : 4)
        ]
        if other.isCut.load(ordering: .relaxed) { throw ConnectionError.cut }
        let deadline = Deadline(within: limit)
        // Held until the connection is sent, so that nobody takes in more meanwhile.
        guard try other.receiving.acquire(within: limit) else {
            throw TimedOut("transfer over \(self)")
        }
        defer { other.receiving.release() }
        guard other.incoming.isEmpty else { throw ConnectionError.unread }
        do {
            try other.descriptor.withNumber { number in
                unsafe try direction.withUnsafeBytes {
                    unsafe try send(.connection, $0, passing: number, within: deadline.remaining)
                }
            }
        } catch is DescriptorClosed {
            throw ConnectionError.closed
        }
    }

    private func send(
        _ kind: MessageHead.Kind, _ body: UnsafeRawBufferPointer, passing passed: Int32?,
        within limit: Duration?
    ) throws {
        guard isWritable else { throw ConnectionError.wrongDirection("receives") }
        guard passed == nil || passesDescriptors else { throw ConnectionError.noDescriptors }
        let deadline = Deadline(within: limit)
        guard try sending.acquire(within: limit) else { throw TimedOut("transfer over \(self)") }
        defer { sending.release() }
        if isCut.load(ordering: .relaxed) { throw ConnectionError.cut }
        var head = MessageHead(kind, count: body.count).word.littleEndian
        var sent = 0
        do {
            try unsafe withUnsafeBytes(of: &head) { head in
                while sent < head.count + body.count {
                    sent += try transfer {
                        try descriptor.write("sendmsg", until: deadline) { number in
                            let rest = unsafe UnsafeRawBufferPointer(
                                rebasing: body[max(0, sent - head.count)...])
                            let none = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
                            if sent >= head.count {
                                return unsafe Sockets.send(number, rest, none, passing: nil)
                            }
                            return unsafe Sockets.send(
                                number, UnsafeRawBufferPointer(rebasing: head[sent...]), rest,
                                passing: sent == 0 ? passed : nil)
                        }
                    }
                }
            }
        } catch {
            if sent > 0 { isCut.store(true, ordering: .relaxed) }
            throw error
        }
    }

    // MARK: Receiving

    /// Receives the next message, and waits for it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameters:
    ///   - most: The most bytes, by default 16 MiB. A longer message throws
    ///     `ConnectionError.tooLong`, and a later call can receive it.
    ///   - limit: Longest wait for the whole call; `nil` waits for ever, `.zero` tries once. If it
    ///     passes, the received part of a message is kept for the next call.
    /// - Throws: ``ConnectionError``: `.endOfStream` once the other end is closed and all messages
    ///   are received; `SystemError`: ECONNRESET; `CancellationError`.
    /// - Source: Python's `Connection.recv_bytes`.
    @available(*, noasync)
    public func receive(atMost most: Int = 1 << 24, within limit: Duration? = nil) throws -> [UInt8]
    {
        try receive(.bytes, atMost: most, within: limit) { incoming, count, _ in
            incoming.takeBody(count)
        }
    }

    /// Receives the next message and decodes it; see ``MessagePackDecoder``.
    /// - Throws: As ``receive(atMost:within:)``; `DecodingError` if the message is not such a
    ///   value. The message is gone then.
    /// - Source: Python's `Connection.recv`.
    @available(*, noasync)
    public func receive<Value: Decodable>(
        _ type: Value.Type, atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) throws -> Value {
        try MessagePackDecoder().decode(type, from: try receive(atMost: most, within: limit))
    }

    /// Receives the next message into a span, and returns the number of its bytes.
    /// - Throws: `ConnectionError.tooLong` if the span is too short; a later call can receive the
    ///   message. Otherwise as ``receive(atMost:within:)``.
    /// - Source: Python's `Connection.recv_bytes_into`.
    @available(*, noasync)
    public func receive(
        into span: inout MutableRawSpan, within limit: Duration? = nil
    ) throws -> Int {
        try unsafe span.withUnsafeMutableBytes { buffer in
            try receive(.bytes, atMost: buffer.count, within: limit) { incoming, count, _ in
                unsafe incoming.takeBody(count, into: buffer)
            }
        }
    }

    /// Receives a descriptor. The caller owns it and must close it.
    /// - Throws: As ``receive(atMost:within:)``, and `ConnectionError.otherKind`,
    ///   `.descriptorLost`.
    /// - Source: Python's `multiprocessing.reduction.recv_handle`.
    @available(*, noasync)
    public func receiveDescriptor(within limit: Duration? = nil) throws -> FileDescriptor {
        try receive(.descriptor, atMost: 0, within: limit) { incoming, count, number in
            _ = incoming.takeBody(count)
            return FileDescriptor(rawValue: number)
        }
    }

    /// Receives a connection that the other end has sent.
    /// - Throws: As ``receiveDescriptor(within:)``.
    @available(*, noasync)
    public func receiveConnection(within limit: Duration? = nil) throws -> Connection {
        try receive(.connection, atMost: 1, within: limit) { incoming, count, number in
            let direction = incoming.takeBody(count).first ?? 0
            return Connection(
                PolledDescriptor(owning: number), isReadable: direction & 1 != 0,
                isWritable: direction & 2 != 0, passesDescriptors: direction & 4 == 0)
        }
    }

    /// Waits until there is something to receive: the beginning of a message, or the end. Takes
    /// nothing.
    /// - Parameter limit: Longest wait; `.zero` looks once, `nil` waits for ever.
    /// - Returns: False when the limit passed first.
    /// - Throws: `ConnectionError.closed`, `.wrongDirection`; `SystemError`; `CancellationError`.
    /// - Source: Python's `Connection.poll`.
    @available(*, noasync)
    public func poll(within limit: Duration? = .zero) throws -> Bool {
        try whileReceiving(within: limit) { deadline in
            do {
                if !incoming.isEmpty || incoming.hasEnded { return true }
                // Look without taking anything, since another process may receive the message.
                return try descriptor.read("recv", full: 0, until: deadline) { Sockets.peek($0) }
                    != nil
            } catch is DescriptorClosed {
                throw ConnectionError.closed
            }
        } ?? false
    }

    /// - Parameter take: Gets the size of the message, and the descriptor that came with it, or -1.
    private func receive<Result>(
        _ kind: MessageHead.Kind, atMost most: Int, within limit: Duration?,
        _ take: (Incoming, Int, Int32) throws -> Result
    ) throws -> Result {
        let result = try whileReceiving(within: limit) { deadline in
            while true {
                if let head = try incoming.head() {
                    guard head.kind == kind else {
                        throw ConnectionError.otherKind(
                            expected: kind.description, found: head.kind.description)
                    }
                    guard head.count <= most else {
                        throw ConnectionError.tooLong(size: head.count, limit: most)
                    }
                    if incoming.hasBody(head.count) {
                        let passed = kind == .bytes ? -1 : try incoming.takeDescriptor(head.count)
                        return try take(incoming, head.count, passed)
                    }
                }
                guard try fill(until: deadline) else {
                    throw incoming.isEmpty
                        ? ConnectionError.endOfStream : ConnectionError.truncated
                }
            }
        }
        guard let result else { throw TimedOut("transfer over \(self)") }
        return result
    }

    /// Returns nil if another strand was receiving until the limit passed.
    private func whileReceiving<Result>(
        within limit: Duration?, _ body: (Deadline) throws -> Result
    ) throws -> Result? {
        guard isReadable else { throw ConnectionError.wrongDirection("sends") }
        let deadline = Deadline(within: limit)
        guard try receiving.acquire(within: limit) else { return nil }
        defer { receiving.release() }
        return try body(deadline)
    }

    /// Takes in the bytes that have come, and waits while there are none. Returns false at the end.
    private func fill(until deadline: Deadline) throws -> Bool {
        if incoming.hasEnded { return false }
        let count = try transfer {
            // The size of what is to come is unknown, so a short read proves nothing.
            try descriptor.read("recvmsg", full: 0, until: deadline) { number in
                incoming.receive(from: number)
            }
        }
        incoming.hasEnded = count == 0
        return count > 0
    }

    /// Returns the result of a call, or throws the right error.
    private func transfer(_ call: () throws -> Int?) throws -> Int {
        do {
            guard let result = try call() else { throw TimedOut("transfer over \(self)") }
            return result
        } catch is DescriptorClosed {
            throw ConnectionError.closed
        }
    }

    // MARK: Ending

    /// Closes this end in this process. Any thread may call it; a second call does nothing.
    ///
    /// Fibers, threads and tasks that wait at it get `ConnectionError.closed`.
    public func close() {
        // Other processes may hold the same end, so do not shut down the connection itself.
        descriptor.close { _ in }
    }

    public var isClosed: Bool { descriptor.isClosed }

    /// Gives the socket to a caller that will use another protocol on it.
    /// - Throws: `ConnectionError.unread` if the connection has taken in messages that nobody has
    ///   received.
    package func takeSocket() throws -> PolledDescriptor {
        try demandNothingBegun()
        return descriptor
    }

    /// - Throws: `ConnectionError.unread` if the connection has taken in the beginning of a
    ///   message.
    func demandNothingBegun() throws {
        guard incoming.isEmpty else { throw ConnectionError.unread }
    }

    /// Calls `body` with the connection's descriptor, which stays open meanwhile.
    func withNumber<Result>(_ body: (Int32) throws -> Result) throws -> Result {
        do {
            return try descriptor.withNumber(body)
        } catch is DescriptorClosed {
            throw ConnectionError.closed
        }
    }
}

extension Connection: CustomStringConvertible {
    /// Such as `Connection(7, sends and receives)`.
    public var description: String {
        let direction =
            isReadable ? (isWritable ? "sends and receives" : "receives") : "sends"
        return "Connection(\(isClosed ? "closed" : "\(descriptor.number)"), \(direction))"
    }
}
