public import PlaitIO
public import PlaitPlatform
internal import SystemPackage

/// The end of a pipe that is written. One strand or task writes at a time. Its verbs are those of
/// ``ByteSink``.
///
/// - Source: Python's `Popen.stdin`.
public final class PipeWriter: DescriptorStream, ByteSink, @unchecked Sendable {
    // Sendable: has no state of its own.

    /// Takes over the non-blocking end of a pipe.
    package init(owning number: Int32) {
        super.init(PolledDescriptor(owning: number), isSocket: false)
    }

    /// Sends part of what two buffers hold. EPIPE when no reader is left (there is no signal).
    @available(*, noasync)
    public func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        unsafe try sendSome(first, second, until: deadline)
    }

    /// The number, which ``close()`` makes another's.
    var number: Int32 { descriptor.number }

    /// Writes as much of `bytes` as the pipe takes now. Nil when nobody reads any more.
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

    /// Tells the reader that nothing more will come: closes it.
    public func endWriting() throws { close() }

    /// Closes it: the reader finds the end. Whoever writes meanwhile gets `StreamError.closed`. Any
    /// thread; a second call does nothing.
    public func close() { descriptor.close { _ in } }
}
