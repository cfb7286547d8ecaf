internal import PlaitPlatform

/// Read buffers, lent while data is at hand, so that an idle connection owns none. One pool for all
/// threads: a lock costs far less than the read it serves.
@safe
final class BufferPool: @unchecked Sendable {
    // Sendable: `guardLock` guards `free`.
    static let shared = BufferPool()
    /// Bytes a buffer: as much as a socket's receive buffer gives in one read.
    static let size = 65_536
    private static let most = 64

    private let guardLock = ShortLock()
    /// Last in, first out: the pages of the last one are in the cache.
    private var free: [UnsafeMutableRawBufferPointer] = unsafe []

    func take() -> UnsafeMutableRawBufferPointer {
        guardLock.lock()
        let last = unsafe free.popLast()
        guardLock.unlock()
        return unsafe last ?? .allocate(byteCount: BufferPool.size, alignment: 64)
    }

    func give(_ buffer: UnsafeMutableRawBufferPointer) {
        let isKept = guardLock.withLock {
            guard unsafe free.count < BufferPool.most else { return false }
            unsafe free.append(buffer)
            return true
        }
        if !isKept { unsafe buffer.deallocate() }
    }
}
