// PlaitIO declares the verbs of these streams.
@_exported public import PlaitIO
internal import PlaitPlatform

/// The reading end of a pipe. One strand or task reads at a time. Its verbs are those of
/// ``ByteSource``.
///
/// - Source: Python's `Popen.stdout`.
public final class PipeReader: DescriptorStream, ByteSource, @unchecked Sendable {
    // Sendable: has no state of its own.

    /// Takes over the non-blocking end of a pipe.
    package init(owning number: Int32) {
        super.init(PolledDescriptor(owning: number), isSocket: false)
    }

    /// Reads the bytes that are there, at most `count`, and waits while there are none; see
    /// ``ByteSource/readSome(atMost:within:)``.
    /// - Returns: The bytes; empty when every writer has closed its end.
    @available(*, noasync)
    public func read(atMost count: Int = 65_536, within limit: Duration? = nil) throws -> [UInt8] {
        try readSome(atMost: count, within: limit)
    }

    /// As the sync form, suspending the calling task.
    public func read(atMost count: Int = 65_536, within limit: Duration? = nil) async throws
        -> [UInt8]
    {
        try await readSome(atMost: count, within: limit)
    }

    /// Closes the end. Writers get EPIPE or the signal SIGPIPE. A strand that is reading gets
    /// `StreamError.closed`. Any thread may call it.
    public func close() { descriptor.close { _ in } }

    // MARK: Waiting for several

    /// The descriptor's number. After ``close()`` it may belong to another descriptor.
    var number: Int32 { descriptor.number }

    /// Reads the bytes that are there, at most 64 KiB. Returns nil when there are none now, and an
    /// empty array at the end.
    func readNow() throws -> [UInt8]? {
        do {
            return try readSome(within: .zero)
        } catch is TimedOut {
            return nil
        }
    }
}
