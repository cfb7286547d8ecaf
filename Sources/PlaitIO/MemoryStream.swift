public import PlaitPlatform
internal import PlaitSync
internal import SystemPackage

/// One end of a stream in memory. One end reads what the other writes. It has no descriptor. Use it
/// in tests, and for parts of one program that talk as if over a socket.
///
/// A write waits while the other end has 64 KiB that it has not read. Threads, fibers and tasks can
/// use it.
public final class MemoryStream: ByteSource, ByteSink {
    public let input = StreamInput()
    private let incoming: MemoryPipe
    private let outgoing: MemoryPipe

    private init(_ incoming: MemoryPipe, _ outgoing: MemoryPipe) {
        self.incoming = incoming
        self.outgoing = outgoing
    }

    deinit { close() }

    /// Makes the two ends of a stream.
    public static func pair() -> (MemoryStream, MemoryStream) {
        let (there, back) = (MemoryPipe(), MemoryPipe())
        return (MemoryStream(there, back), MemoryStream(back, there))
    }

    @available(*, noasync)
    public func receive(
        into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        unsafe try incoming.receive(into: buffer, until: deadline)
    }

    @available(*, noasync)
    public func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        unsafe try outgoing.send(first, second, until: deadline)
    }

    /// Tells the other end that nothing more will come. This end can still read.
    /// - Throws: `StreamError.closed`.
    public func endWriting() throws { try outgoing.end() }

    public var isClosed: Bool { incoming.isReaderClosed }

    /// Closes this end. The other end reads the bytes written so far, and then the end; its writes
    /// fail with EPIPE. A strand that waits at this end gets `StreamError.closed`.
    public func close() {
        incoming.closeReader()
        outgoing.closeWriter()
    }
}

/// One direction of a stream in memory.
private final class MemoryPipe: Sendable {
    private struct State {
        var hasEnded = false
        var isWriterClosed = false
        var isReaderClosed = false
    }

    private static let capacity = 65_536

    private let state = Guarded(State())
    /// The bytes on their way. Changes happen under the lock of `state`.
    private let bytes = StreamInput()
    /// Set when the reader or the writer may go on. A side that finds nothing to do clears its
    /// event under the lock, so that a later change sets it again.
    private let mayRead = Event()
    private let mayWrite = Event()

    var isReaderClosed: Bool { state.withLock { $0.isReaderClosed } }

    func receive(into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline) throws -> Int
    {
        while true {
            let count: Int? = try state.withLock { state in
                if state.isReaderClosed { throw StreamError.closed }
                let count = unsafe bytes.take(into: buffer)
                if unsafe count > 0 || buffer.isEmpty || state.hasEnded { return count }
                mayRead.clear()
                return nil
            }
            if let count {
                if count > 0 { mayWrite.set() }
                return count
            }
            guard try mayRead.wait(within: deadline.remaining) else {
                throw TimedOut("read of a stream in memory")
            }
        }
    }

    func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        while true {
            let count: Int? = try state.withLock { state in
                if state.isWriterClosed { throw StreamError.closed }
                if state.isReaderClosed || state.hasEnded {
                    throw SystemError(errno: .brokenPipe, call: "write")
                }
                if unsafe first.isEmpty && second.isEmpty { return 0 }
                let count = unsafe put(first)
                if count < first.count { return note(count) }
                return unsafe note(count + put(second))
            }
            if let count {
                if count > 0 { mayRead.set() }
                return count
            }
            guard try mayWrite.wait(within: deadline.remaining) else {
                throw TimedOut("write to a stream in memory")
            }
        }
    }

    /// Appends as many bytes as there is room for. Called under the lock.
    private func put(_ source: UnsafeRawBufferPointer) -> Int {
        let count = min(source.count, MemoryPipe.capacity - bytes.count)
        if count == 0 { return 0 }
        let part = unsafe UnsafeRawBufferPointer(rebasing: source[..<count])
        bytes.append(
            unsafe Chunk { buffer in
                unsafe buffer.copyMemory(from: part)
                return count
            })
        return count
    }

    /// Returns how many bytes were appended; nil if none were, so that the write must wait. Called
    /// under the lock.
    private func note(_ count: Int) -> Int? {
        if count > 0 { return count }
        mayWrite.clear()
        return nil
    }

    func end() throws {
        try state.withLock { state in
            if state.isWriterClosed { throw StreamError.closed }
            state.hasEnded = true
        }
        mayRead.set()
    }

    func closeWriter() { change { ($0.isWriterClosed, $0.hasEnded) = (true, true) } }
    func closeReader() { change { $0.isReaderClosed = true } }

    private func change(_ body: (inout State) -> Void) {
        state.withLock(body)
        mayRead.set()
        mayWrite.set()
    }
}
