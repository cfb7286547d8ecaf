/// How long a thread looks for what it waits for before it sleeps: all of Plait's budgets.
///
/// A busy wait pays where a partner runs on another processor, and is done sooner than the kernel
/// wakes a thread. On one processor nobody spins.
@usableFromInline
package struct SpinPolicy: Sendable {
    /// Looks in a row, with a pause of the processor after each.
    @usableFromInline let looks: Int
    /// How long such rows are repeated; 0: one row.
    @usableFromInline let nanoseconds: UInt64
    /// Whether a thread with a hub spins too. Its fibers wait meanwhile, and the partner is as
    /// likely to be one of them.
    @usableFromInline let isForHubs: Bool

    @inlinable
    init(looks: Int, nanoseconds: UInt64 = 0, isForHubs: Bool = false) {
        self.looks = looks
        self.nanoseconds = nanoseconds
        self.isForHubs = isForHubs
    }

    /// For a ``ShortLock``: its holder is done within a few dozen instructions.
    @inlinable static var shortLock: SpinPolicy { SpinPolicy(looks: 100, isForHubs: true) }

    /// For a lock that users hold. Longer ones take the processor from its holder.
    @inlinable package static var lock: SpinPolicy { SpinPolicy(looks: 40) }

    /// For a partner at the other end of a queue: some microseconds, much less than to wake one.
    @inlinable package static var queue: SpinPolicy { SpinPolicy(looks: 200) }

    /// For a task whose partner is a task: longer than it takes to wake a thread of Swift's pool.
    /// Otherwise two that pass something to and fro, once they have suspended, never meet again.
    @inlinable package static var task: SpinPolicy { SpinPolicy(looks: 1, nanoseconds: 8_000) }

    /// For another process, which takes longer to wake than a thread.
    @inlinable package static var process: SpinPolicy {
        SpinPolicy(looks: 32, nanoseconds: 20_000, isForHubs: true)
    }

    /// Whether the calling thread may spin.
    @inlinable
    package var isAllowed: Bool { isForHubs ? processorCount > 1 : threadMaySpin }

    /// What a look found.
    @usableFromInline package enum Look { case ready, notYet, hopeless }

    /// Looks until `look` finds it ready or hopeless, or the budget is spent.
    /// - Returns: Whether it was found ready.
    @inlinable
    @inline(__always)
    package func spin(_ look: () -> Look) -> Bool {
        guard isAllowed else { return false }
        let end = nanoseconds == 0 ? 0 : monotonicNow() + nanoseconds
        repeat {
            for _ in 0..<looks {
                switch look() {
                case .ready: return true
                case .hopeless: return false
                case .notYet: spinPause()
                }
            }
        } while end != 0 && monotonicNow() < end
        return false
    }

    /// Looks until `isReady`, or the budget is spent.
    @inlinable
    @inline(__always)
    package func spin(until isReady: () -> Bool) -> Bool { spin { isReady() ? .ready : .notYet } }
}
