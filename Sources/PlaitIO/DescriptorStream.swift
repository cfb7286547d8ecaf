public import PlaitPlatform
internal import PlaitStrands

/// A stream over a descriptor. Sockets and the ends of pipes inherit from it.
open class DescriptorStream: @unchecked Sendable {
    // Sendable: all fields are constant and Sendable themselves.
    package let descriptor: PolledDescriptor
    public let input = StreamInput()
    private let isSocket: Bool

    /// Takes over the non-blocking descriptor of a stream.
    package init(_ descriptor: PolledDescriptor, isSocket: Bool) {
        self.descriptor = descriptor
        self.isSocket = isSocket
    }

    public final var isClosed: Bool { descriptor.isClosed }

    // MARK: Receiving

    /// Receives bytes past ``input``, directly into `buffer`. See
    /// ``ByteSource/receive(into:until:)``.
    @available(*, noasync)
    public final func receive(
        into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        try done("read", until: deadline) {
            unsafe try descriptor.perform(
                isSocket ? .receive(into: buffer) : .read(into: buffer), until: deadline)
        }
    }

    /// Receives bytes past ``input`` into a buffer that it takes when bytes have come, so a waiting
    /// stream owns none. See ``ByteSource/receiveChunk(until:)``.
    @available(*, noasync)
    public final func receiveChunk(until deadline: Deadline) throws -> Chunk? {
        var chunk: Chunk?
        _ = try done("read", until: deadline) {
            try descriptor.perform(
                isSocket ? .receiveChunk : .readChunk, &chunk, until: deadline)
        }
        return chunk
    }

    // MARK: Sending

    /// Sends part of the bytes of two buffers, over a socket in one system call.
    package final func sendSome(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        try done("write", until: deadline) {
            unsafe try descriptor.perform(
                isSocket ? .send(first, second) : .write(first, second), until: deadline)
        }
    }

    // MARK: The descriptor

    /// Lends the number to `body`. It is not closed meanwhile.
    /// - Throws: `StreamError.closed`, and errors of `body`.
    package final func withNumber<Result>(_ body: (Int32) throws -> Result) throws -> Result {
        do {
            return try descriptor.withNumber(body)
        } catch is DescriptorClosed {
            throw StreamError.closed
        }
    }

    /// Returns the result of a call, or throws the right error.
    @inline(__always)
    private func done(
        _ call: String, until deadline: Deadline, _ body: () throws -> Int?
    ) throws -> Int {
        do {
            guard let result = try body() else {
                // A caller that tries once does so often, and knows the stream, so do not build its
                // name.
                throw TimedOut(deadline == .immediate ? call : "\(call) of \(self)")
            }
            return result
        } catch is DescriptorClosed {
            throw StreamError.closed
        }
    }
}
