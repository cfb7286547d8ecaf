public import PlaitPlatform

/// What a program closes when it is done with it: each end of a stream.
public protocol Closable: AnyObject, Sendable {
    /// Whether this program has closed it.
    var isClosed: Bool { get }

    /// Closes it: every wait for it, by whichever strand, ends at once with `StreamError.closed`.
    /// Any thread; a second call does nothing.
    func close()
}

/// Where bytes come from: a socket, the reading end of a pipe, an end in memory, or what is built
/// on one, such as decryption.
///
/// One strand reads at a time. A type gives the requirements; all verbs of reading stand on
/// them.
public protocol ByteSource: Closable {
    /// What has come and was not taken.
    var input: StreamInput { get }

    /// Receives what there is past ``input``, at most as much as `buffer` holds, waiting while
    /// there is nothing.
    ///
    /// Blocks the calling thread or parks the calling fiber. The buffer belongs to the call until
    /// it returns.
    /// - Returns: How many bytes; 0 when the peer has ended its side.
    /// - Throws: `TimedOut`, `StreamError.closed`, `SystemError`, `CancellationError`.
    @available(*, noasync)
    func receive(into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline) throws -> Int

    /// As ``receive(into:until:)``, into a buffer that the source takes when it has something.
    /// - Returns: Nil when the peer has ended its side.
    @available(*, noasync)
    func receiveChunk(until deadline: Deadline) throws -> Chunk?
}

/// Where bytes go to: a socket, the writing end of a pipe, an end in memory, or what is built on
/// one.
///
/// One strand writes at a time. A type gives the requirements; all verbs of writing stand on them.
public protocol ByteSink: Closable {
    /// Sends part of what two buffers hold, the first one first, waiting while the peer takes
    /// nothing.
    ///
    /// Blocks the calling thread or parks the calling fiber. The buffers belong to the call until
    /// it returns.
    /// - Returns: How many bytes it has sent; more than 0 unless both buffers are empty.
    /// - Throws: `TimedOut`, `StreamError.closed`, `SystemError`, `CancellationError`.
    @available(*, noasync)
    func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, until deadline: Deadline
    ) throws -> Int

    /// Tells the peer that nothing more will come.
    /// - Throws: `StreamError.closed`, `SystemError`.
    func endWriting() throws
}

/// A stream of bytes both ways.
public typealias ByteStream = ByteSource & ByteSink

extension ByteSource {
    @available(*, noasync)
    public func receiveChunk(until deadline: Deadline) throws -> Chunk? {
        let chunk = unsafe try Chunk { unsafe try receive(into: $0, until: deadline) }
        if chunk.isEmpty { return nil }
        return consume chunk
    }
}
