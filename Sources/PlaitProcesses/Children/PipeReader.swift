// The verbs of its streams are declared there.
@_exported public import PlaitIO
internal import PlaitPlatform

/// The end of a pipe that is read. One strand or task reads at a time. Its verbs are those of
/// ``ByteSource``.
///
/// - Source: Python's `Popen.stdout`.
public final class PipeReader: DescriptorStream, ByteSource, @unchecked Sendable {
    // Sendable: has no state of its own.

    /// Takes over the non-blocking end of a pipe.
    package init(owning number: Int32) {
        super.init(PolledDescriptor(owning: number), isSocket: false)
    }

    /// Reads what there is, at most `count` bytes, waiting while there is nothing:
    /// ``ByteSource/readSome(atMost:within:)``.
    /// - Returns: Empty when every writer has closed its end.
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

    /// Closes it: writers get EPIPE, or the signal that comes with it. Whoever reads meanwhile gets
    /// `StreamError.closed`. Any thread.
    public func close() { descriptor.close { _ in } }

    // MARK: Waiting for several

    /// The number, which ``close()`` makes another's.
    var number: Int32 { descriptor.number }

    /// Reads what there is, at most 64 KiB. Nil when there is nothing now, empty at the end.
    func readNow() throws -> [UInt8]? {
        do {
            return try readSome(within: .zero)
        } catch is TimedOut {
            return nil
        }
    }
}
