/// The state of a ``Lock``, in one word: pure transitions, which the lock applies by
/// compare-and-swap.
@usableFromInline
struct LockWord: Equatable, Sendable {
    @usableFromInline var bits: UInt32

    @inlinable init(bits: UInt32) { self.bits = bits }

    /// The word of a lock whose every change is noted: all operations take the slow path.
    static var traced: LockWord { LockWord(bits: 4) }

    @inlinable var isHeld: Bool { bits & 1 != 0 }
    /// Whether waiters are queued, so that a release must look at them.
    @inlinable var hasWaiters: Bool { bits & 2 != 0 }

    var isTraced: Bool { bits & 4 != 0 }

    /// The word after a running strand takes the lock, even before queued strands. Nil if the lock
    /// is held.
    var taken: LockWord? { isHeld ? nil : LockWord(bits: bits | 1) }
    /// The word after a strand takes the lock or announces that it waits: it takes a free lock, and
    /// sets the waiters bit of a held one.
    var entered: LockWord { taken ?? LockWord(bits: bits | LockWord.waitersBit) }

    static var waitersBit: UInt32 { 2 }

    /// The word after a release in favour of a queued waiter.
    func afterRelease(isHandedOver: Bool, hasWaiters: Bool) -> LockWord {
        LockWord(bits: bits & 4 | (isHandedOver ? 1 : 0) | (hasWaiters ? 2 : 0))
    }

    /// Whether a waiter that queued at `since` must get the lock, rather than a try for it.
    static func mustHandOver(since: UInt64, now: UInt64) -> Bool {
        now >= since + handOverAge
    }

    /// A waiter older than this many nanoseconds gets the lock handed over: 1 ms, as in WebKit's
    /// locks.
    static let handOverAge: UInt64 = 1_000_000
}
