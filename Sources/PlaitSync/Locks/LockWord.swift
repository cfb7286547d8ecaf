/// The state of a ``Lock``, in one word: pure transitions, which the lock applies by
/// compare-and-swap.
@usableFromInline
struct LockWord: Equatable, Sendable {
    @usableFromInline var bits: UInt32

    @inlinable init(bits: UInt32) { self.bits = bits }

    /// Of a lock all of whose changes are to be noted: no way past the slow one.
    static var traced: LockWord { LockWord(bits: 4) }

    @inlinable var isHeld: Bool { bits & 1 != 0 }
    /// Waiters are queued: releasing must look at them.
    @inlinable var hasWaiters: Bool { bits & 2 != 0 }

    var isTraced: Bool { bits & 4 != 0 }

    /// Taken by a running strand, if nobody holds it: also over queued ones.
    var taken: LockWord? { isHeld ? nil : LockWord(bits: bits | 1) }
    /// What a strand makes of the word that must have the lock or wait for it: it takes a free one,
    /// and announces itself on one that is held.
    var entered: LockWord { taken ?? LockWord(bits: bits | LockWord.waitersBit) }

    static var waitersBit: UInt32 { 2 }

    /// The word after a release in favour of a queued waiter.
    func afterRelease(isHandedOver: Bool, hasWaiters: Bool) -> LockWord {
        LockWord(bits: bits & 4 | (isHandedOver ? 1 : 0) | (hasWaiters ? 2 : 0))
    }

    /// Whether a waiter that queued at `since` is owed the lock, rather than a try for it.
    static func mustHandOver(since: UInt64, now: UInt64) -> Bool {
        now >= since + handOverAge
    }

    /// A waiter older than this, in nanoseconds, is given the lock: 1 ms, as in WebKit's locks.
    static let handOverAge: UInt64 = 1_000_000
}
