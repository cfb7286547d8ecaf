public import PlaitPlatform

/// An object that a program closes when it has finished with it, such as an end of a stream.
public protocol Closable: AnyObject, Sendable {
    /// Whether this program has closed the object.
    var isClosed: Bool { get }

    /// Closes the object. Every wait for it ends at once with `StreamError.closed`, whichever
    /// strand waits. Any thread may call it; a second call does nothing.
    func close()
}

/// A source of bytes: a socket, the reading end of a pipe, an end of a stream in memory, or a layer
/// over one of these, such as decryption.
///
/// One strand reads at a time. A type implements the requirements, and gets all verbs of reading.
public protocol ByteSource: Closable {
    /// The bytes that have come and that nobody has taken.
    var input: StreamInput { get }

    /// Receives bytes past ``input``, at most as many as `buffer` holds. Waits while there are
    /// none.
    ///
    /// Blocks the calling thread or parks the calling fiber. The buffer belongs to the call until
    /// it returns.
    /// - Returns: How many bytes; 0 when the peer has ended its side.
    /// - Throws: `TimedOut`, `StreamError.closed`, `SystemError`, `CancellationError`.
    @available(*, noasync)
    func receive(into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline) throws -> Int

    /// As ``receive(into:until:)``, into a buffer that the source takes from the pool when bytes
    /// have come.
    /// - Returns: The bytes; nil when the peer has ended its side.
    @available(*, noasync)
    func receiveChunk(until deadline: Deadline) throws -> Chunk?
}

/// A sink of bytes: a socket, the writing end of a pipe, an end of a stream in memory, or a layer
/// over one of these.
///
/// One strand writes at a time. A type implements the requirements, and gets all verbs of writing.
public protocol ByteSink: Closable {
    /// Sends part of the bytes of two buffers, the first buffer first. Waits while the peer takes
    /// nothing.
    ///
    /// Blocks the calling thread or parks the calling fiber. The buffers belong to the call until
    /// it returns.
    /// - Returns: How many bytes were sent; more than 0 unless both buffers are empty.
    /// - Throws: `TimedOut`, `StreamError.closed`, `SystemError`, `CancellationError`.
    @available(*, noasync)
    func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, until deadline: Deadline
    ) throws -> Int

    /// Tells the peer that nothing more will come.
    /// - Throws: `StreamError.closed`, `SystemError`.
    func endWriting() throws
}

/// A stream of bytes in both directions.
public typealias ByteStream = ByteSource & ByteSink

extension ByteSource {
    @available(*, noasync)
    public func receiveChunk(until deadline: Deadline) throws -> Chunk? {
        let chunk = unsafe try Chunk { unsafe try receive(into: $0, until: deadline) }
        if chunk.isEmpty { return nil }
        return consume chunk
    }
}
