/// Received bytes in a buffer of the pool. The buffer goes back to the pool when the chunk ends.
///
/// The receiver takes the buffer when bytes have come, so a stream that waits for data owns none.
@safe
public struct Chunk: ~Copyable {
    /// A buffer of the pool; it never escapes.
    private var buffer: UnsafeMutableRawBufferPointer
    public private(set) var count: Int

    /// Takes a buffer from the pool and lets `fill` write to it.
    /// - Parameter fill: Returns how many bytes it has written.
    public init(
        filledBy fill: (UnsafeMutableRawBufferPointer) throws -> Int
    ) rethrows {
        unsafe buffer = BufferPool.shared.take()
        count = 0
        count = unsafe try fill(buffer)
    }

    deinit { if unsafe buffer.baseAddress != nil { unsafe BufferPool.shared.give(buffer) } }

    public var isEmpty: Bool { count == 0 }

    /// Lends the bytes.
    public borrowing func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
        return try body(unsafe RawSpan(_unsafeBytes: bytes))
    }

    /// Gives the buffer away. The caller must give it back to the pool.
    consuming func surrender() -> UnsafeMutableRawBufferPointer {
        let buffer = unsafe buffer
        unsafe self.buffer = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
        return unsafe buffer
    }
}
