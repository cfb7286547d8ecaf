internal import CPlaitLinux
internal import Glibc
package import Synchronization

/// Sleeping on a word of memory that processes share.
package enum SharedFutex {
    /// Sleeps while `word` holds `expected`; may return early.
    package static func wait(
        on word: UnsafePointer<Atomic<UInt32>>, while expected: UInt32, until deadline: Deadline
    ) {
        _ = unsafe plait_shared_wait(
            UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self), expected,
            deadline.nanoseconds)
    }

    package static func wake(_ word: UnsafePointer<Atomic<UInt32>>, count: Int32) {
        unsafe plait_shared_wake(
            UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self), count)
    }
}

/// A lock in memory that processes share. The thread that took it gives it back; when that ends first, the
/// next one gets it, and is told.
@safe
package struct RobustMutex: @unchecked Sendable {
    // Sendable: the memory is a lock.
    package static let size = Int(PLAIT_ROBUST_SIZE)
    private let place: UnsafeMutableRawPointer

    /// - Parameter place: ``size`` bytes, aligned to 8, which live longer than this.
    package init(at place: UnsafeMutableRawPointer) { unsafe self.place = unsafe place }

    /// Once, by whoever made the memory.
    package func make() throws(SystemError) {
        try check(unsafe plait_robust_make(place), "pthread_mutex_init")
    }

    package enum Attempt { case busy, taken, takenFromDead }

    /// - Parameter hasWaited: Whether the caller slept for it.
    package func tryAcquire(hasWaited: Bool) -> Attempt {
        switch unsafe plait_robust_try(place, hasWaited ? 1 : 0) {
        case 0: .taken
        case 1: .takenFromDead
        default: .busy
        }
    }

    /// False when the calling thread does not hold it.
    package func release() -> Bool { unsafe plait_robust_release(place) == 0 }

    /// Sleeps while somebody holds it; may return early.
    package func waitUntilFree(until deadline: Deadline) {
        _ = unsafe plait_robust_wait(place, deadline.nanoseconds)
    }
}

/// Memory of a file that processes map.
@safe
package final class SharedPages: @unchecked Sendable {
    // Sendable: the address is constant; who uses the memory orders its accesses.
    package let bytes: Int
    package let base: UnsafeMutableRawPointer

    /// A descriptor of so many bytes, all zero, that no file system shows.
    package static func make(name: String, bytes: Int) throws(SystemError) -> Descriptor {
        unsafe Descriptor(owning: try check(plait_memory_file(name, bytes), "memfd_create", name))
    }

    package init(mapping number: Int32, bytes: Int) throws(SystemError) {
        guard let base = unsafe plait_map_shared(number, bytes) else {
            throw SystemError(negative: -errno, call: "mmap", subject: "\(bytes) shared bytes")
        }
        unsafe self.base = unsafe base
        self.bytes = bytes
    }

    deinit { unsafe munmap(base, bytes) }

    /// Bytes of the file behind a descriptor.
    package static func size(of number: Int32) throws(SystemError) -> Int {
        var status = stat()
        let code = unsafe fstat(number, &status)
        try check(code < 0 ? -errno : 0, "fstat")
        return Int(status.st_size)
    }
}
