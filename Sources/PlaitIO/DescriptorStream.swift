public import PlaitPlatform
internal import PlaitStrands

/// Bytes over a descriptor: what sockets and the ends of pipes have in common.
open class DescriptorStream: @unchecked Sendable {
    // Sendable: all is constant, and guards itself.
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

    /// Receives past ``input``, straight into `buffer`. See ``ByteSource/receive(into:until:)``.
    @available(*, noasync)
    public final func receive(
        into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        try done("read", until: deadline) {
            unsafe try descriptor.perform(
                isSocket ? .receive(into: buffer) : .read(into: buffer), until: deadline)
        }
    }

    /// Receives past ``input``, into a buffer that is taken when there is something: a stream that
    /// waits owns none. See ``ByteSource/receiveChunk(until:)``.
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

    /// Sends part of what the two buffers hold, in one system call over a socket.
    package final func sendSome(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        try done("write", until: deadline) {
            unsafe try descriptor.perform(
                isSocket ? .send(first, second) : .write(first, second), until: deadline)
        }
    }

    // MARK: The descriptor

    /// Lends the number, which is not closed meanwhile.
    /// - Throws: `StreamError.closed`, and what `body` throws.
    package final func withNumber<Result>(_ body: (Int32) throws -> Result) throws -> Result {
        do {
            return try descriptor.withNumber(body)
        } catch is DescriptorClosed {
            throw StreamError.closed
        }
    }

    /// The result of a call, or what kept it from being done.
    @inline(__always)
    private func done(
        _ call: String, until deadline: Deadline, _ body: () throws -> Int?
    ) throws -> Int {
        do {
            guard let result = try body() else {
                // Whoever tries once does so often, and knows of what.
                throw TimedOut(deadline == .immediate ? call : "\(call) of \(self)")
            }
            return result
        } catch is DescriptorClosed {
            throw StreamError.closed
        }
    }
}
