internal import PlaitPlatform
internal import Synchronization

/// Read buffers, lent while data is at hand, so that an idle connection owns none. One pool for all
/// threads.
@safe
final class BufferPool: @unchecked Sendable {
    // Sendable: `guardLock` guards `free`; `spare` is atomic.
    static let shared = BufferPool()
    /// Bytes a buffer: as much as a socket's receive buffer gives in one read.
    static let size = 65_536
    private static let most = 64

    /// The buffer that was given back last, whose pages are in the cache; 0 while it is lent. Taken
    /// and given without the lock, by exchange.
    private let spare = Atomic<UInt>(0)
    private let guardLock = ShortLock()
    private var free: [UnsafeMutableRawPointer] = unsafe []

    func take() -> UnsafeMutableRawBufferPointer {
        // .acquiring pairs with the .releasing of give(): what another thread did is done.
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
