internal import PlaitPlatform
internal import Synchronization

/// A pool of read buffers for all threads. A connection borrows a buffer only while it has data, so
/// an idle connection owns none.
@safe
final class BufferPool: @unchecked Sendable {
    // Sendable: `guardLock` guards `free`; `spare` is atomic.
    static let shared = BufferPool()
    /// The size of a buffer in bytes: as much as a socket's receive buffer gives in one read.
    static let size = 65_536
    private static let most = 64

    /// The buffer that was given back last, whose pages are in caches; 0 while it is lent. Threads
    /// take and give it by an atomic exchange, without the lock.
    private let spare = Atomic<UInt>(0)
    private let guardLock = ShortLock()
    private var free: [UnsafeMutableRawPointer] = unsafe []

    func take() -> UnsafeMutableRawBufferPointer {
        // .acquiring pairs with the .releasing of give(): the other thread has finished with the
        // buffer.
        let last = unsafe UnsafeMutableRawPointer(
            bitPattern: spare.exchange(0, ordering: .acquiring))
        return unsafe UnsafeMutableRawBufferPointer(
            start: last ?? takeFree(), count: BufferPool.size)
    }

    func give(_ buffer: UnsafeMutableRawBufferPointer) {
        let address = UInt(bitPattern: buffer.baseAddress)
        let other = spare.exchange(address, ordering: .acquiringAndReleasing)
        if let other = unsafe UnsafeMutableRawPointer(bitPattern: other) { unsafe giveFree(other) }
    }

    private func takeFree() -> UnsafeMutableRawPointer {
        guardLock.lock()
        let last = unsafe free.popLast()
        guardLock.unlock()
        return unsafe last ?? .allocate(byteCount: BufferPool.size, alignment: 64)
    }

    private func giveFree(_ buffer: UnsafeMutableRawPointer) {
        let isKept = guardLock.withLock {
            guard unsafe free.count < BufferPool.most else { return false }
            unsafe free.append(buffer)
            return true
        }
        if !isKept { unsafe buffer.deallocate() }
    }
}
