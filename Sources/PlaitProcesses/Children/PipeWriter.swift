internal import PlaitPlatform
internal import PlaitStrands
internal import SystemPackage

/// The end of a pipe that is written. One strand writes at a time.
///
/// - Source: Python's `Popen.stdin`.
public final class PipeWriter: Sendable {
    private let descriptor: PolledDescriptor

    /// Takes over the non-blocking end of a pipe.
    package init(owning number: Int32) { descriptor = PolledDescriptor(owning: number) }

    /// Writes all of `bytes`, waiting while the pipe is full.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait for the whole.
    /// - Throws: ``PipeError``; `SystemError`: EPIPE when no reader is left (there is no signal);
    ///   `CancellationError`. Part of the bytes may be written then.
    @available(*, noasync)
    public func write(_ bytes: [UInt8], within limit: Duration? = nil) throws {
        let deadline = Deadline(within: limit)
        var written = 0
        while written < bytes.count {
            written += try pipeCall {
                try descriptor.write("write", until: deadline) { number in
                    unsafe bytes.withUnsafeBytes {
                        unsafe Pipes.write(number, UnsafeRawBufferPointer(rebasing: $0[written...]))
                    }
                }
            }
        }
    }

    /// Writes the UTF-8 of `text`; see ``write(_:within:)-([UInt8],_)``.
    @available(*, noasync)
    public func write(_ text: String, within limit: Duration? = nil) throws {
        try write(Array(text.utf8), within: limit)
    }

    /// The number, which ``close()`` makes another's.
    var number: Int32 { descriptor.number }

    /// Lends the number, which is not closed meanwhile.
    func withNumber<Result>(_ body: (Int32) throws -> Result) throws -> Result {
        try pipeCall { try descriptor.withNumber(body) }
    }

    /// Writes as much of `bytes` as the pipe takes now. Nil when nobody reads any more.
    func writeNow(_ bytes: ArraySlice<UInt8>) throws -> Int? {
        let attempt = try pipeCall {
            try descriptor.withNumber { number in
                unsafe bytes.withUnsafeBytes { unsafe Pipes.write(number, $0) }
            }
        }
        switch attempt {
        case .done(let count): return count
        case .wouldBlock: return 0
        case .failed(.brokenPipe): return nil
        case .failed(let errno): throw SystemError(errno: errno, call: "write")
        }
    }

    /// Closes it: the reader finds the end. Any thread; a second call does nothing.
    public func close() { descriptor.close { _ in } }
}
