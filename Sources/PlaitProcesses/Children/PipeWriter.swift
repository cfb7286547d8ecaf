public import PlaitIO
public import PlaitPlatform
internal import SystemPackage

/// The writing end of a pipe. One strand or task writes at a time. Its verbs are those of
/// ``ByteSink``.
///
/// - Source: Python's `Popen.stdin`.
public final class PipeWriter: DescriptorStream, ByteSink, @unchecked Sendable {
    // Sendable: has no state of its own.

    /// Takes over the non-blocking end of a pipe.
    package init(owning number: Int32) {
        super.init(PolledDescriptor(owning: number), isSocket: false)
    }

    /// Sends part of the bytes of two buffers. Throws EPIPE when no reader is left, without a
    /// signal.
    @available(*, noasync)
    public func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        unsafe try sendSome(first, second, until: deadline)
    }

    /// The descriptor's number. After ``close()`` it may belong to another descriptor.
    var number: Int32 { descriptor.number }

    /// Writes as much of `bytes` as the pipe takes now. Returns nil when nobody reads any more.
    func writeNow(_ bytes: ArraySlice<UInt8>) throws -> Int? {
        do {
            let none = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
            return unsafe try bytes.withUnsafeBytes {
                unsafe try sendSome($0, none, until: .immediate)
            }
        } catch is TimedOut {
            return 0
        } catch let error as SystemError where error.errno == .brokenPipe {
            return nil
        }
    }

    /// Closes the end, which tells the reader that nothing more will come.
    public func endWriting() throws { close() }

    /// Closes the end, and the reader finds the end of the stream. A strand that is writing gets
    /// `StreamError.closed`. Any thread may call it; a second call does nothing.
    public func close() { descriptor.close { _ in } }
}
