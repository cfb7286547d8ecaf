internal import CPlaitLinux
package import Synchronization

/// Sleeping on a word of memory until another thread changes it: Linux's futex.
package enum Futex {
    package enum WaitResult { case woken, differs, timedOut }

    /// Sleeps while `word` holds `expected`; may return early.
    package static func wait(
        on word: borrowing Atomic<UInt32>, while expected: UInt32, until deadline: Deadline
    ) -> WaitResult {
        let code = unsafe withUnsafePointer(to: word) {
            unsafe plait_futex_wait(
                UnsafeRawPointer($0).assumingMemoryBound(to: UInt32.self), expected,
                deadline.nanoseconds)
        }
        switch code {
        case -ETIMEDOUT: return .timedOut
        case -EAGAIN: return .differs
        default: return .woken
        }
    }

    /// Wakes up to `count` sleepers. The word may be gone already, since only its address is used.
    package static func wake(_ word: borrowing Atomic<UInt32>, count: Int32 = 1) {
        _ = unsafe withUnsafePointer(to: word) {
            unsafe plait_futex_wake(
                UnsafeRawPointer($0).assumingMemoryBound(to: UInt32.self), count)
        }
    }
}

private let ETIMEDOUT: Int32 = 110
private let EAGAIN: Int32 = 11
