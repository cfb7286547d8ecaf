/// Gets a buffer back that it has lent as a ``Chunk``.
package protocol ChunkOwner: AnyObject, Sendable {
    func takeBack(_ buffer: UnsafeMutableRawBufferPointer)
}

/// Received bytes in a buffer of the pool or of an engine. The buffer goes back to its owner when
/// the chunk ends.
///
/// The receiver takes the buffer when bytes have come, so a stream that waits for data owns none.
@safe
public struct Chunk: ~Copyable {
    /// A buffer of the pool, or of `owner`; it never escapes.
    private var buffer: UnsafeMutableRawBufferPointer
    private let owner: (any ChunkOwner)?
    public private(set) var count: Int

    /// Takes a buffer from the pool and lets `fill` write to it.
    /// - Parameter fill: Returns how many bytes it has written.
    public init(
        filledBy fill: (UnsafeMutableRawBufferPointer) throws -> Int
    ) rethrows {
        unsafe buffer = BufferPool.shared.take()
        owner = nil
        count = 0
        count = unsafe try fill(buffer)
    }

    /// Lends the first `count` bytes of a buffer that goes back to `owner`.
    package init(
        lending buffer: UnsafeMutableRawBufferPointer, count: Int, of owner: any ChunkOwner
    ) {
        unsafe self.buffer = unsafe buffer
        self.owner = owner
        self.count = count
    }

    deinit {
        if let owner {
            unsafe owner.takeBack(buffer)
        } else if unsafe buffer.baseAddress != nil {
            unsafe BufferPool.shared.give(buffer)
        }
    }

    public var isEmpty: Bool { count == 0 }

    /// Lends the bytes.
    public borrowing func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
        return try body(unsafe RawSpan(_unsafeBytes: bytes))
    }

    /// Whether the buffer is the pool's.
    var isPooled: Bool { owner == nil }

    /// Gives a buffer of the pool away. The caller must give it back to the pool.
    consuming func surrender() -> UnsafeMutableRawBufferPointer {
        let buffer = unsafe buffer
        unsafe self.buffer = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
        return unsafe buffer
    }
}
