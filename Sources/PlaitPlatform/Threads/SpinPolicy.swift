/// How long a thread spins before it sleeps. All of Plait's budgets are here.
///
/// A busy wait pays if the partner runs on another processor and will be done sooner than the
/// kernel can wake a thread. With one processor nobody spins.
@usableFromInline
package struct SpinPolicy: Sendable {
    /// How many looks make a row, with a pause of the processor after each.
    @usableFromInline let looks: Int
    /// For how many nanoseconds rows are repeated; 0 makes one row.
    @usableFromInline let nanoseconds: UInt64
    /// Whether a thread with a hub spins too. Its fibers wait meanwhile, and the partner may be one
    /// of them.
    @usableFromInline let isForHubs: Bool

    @inlinable
    init(looks: Int, nanoseconds: UInt64 = 0, isForHubs: Bool = false) {
        self.looks = looks
        self.nanoseconds = nanoseconds
        self.isForHubs = isForHubs
    }

    /// For a ``ShortLock``, whose holder is done within a few dozen instructions.
    @inlinable static var shortLock: SpinPolicy { SpinPolicy(looks: 100, isForHubs: true) }

    /// For a lock that user code holds. Longer spins would take the processor from the holder.
    @inlinable package static var lock: SpinPolicy { SpinPolicy(looks: 40) }

    /// For a partner at the other end of a queue: some microseconds, much less than waking a thread
    /// takes.
    @inlinable package static var queue: SpinPolicy { SpinPolicy(looks: 200) }

    /// For a task whose partner is a task. The limit is longer than waking a thread of Swift's pool
    /// takes. Otherwise two tasks that pass items to and fro would both keep suspending after the
    /// first suspension.
    @inlinable package static var task: SpinPolicy { SpinPolicy(looks: 1, nanoseconds: 8_000) }

    /// For another process, which takes longer to wake than a thread.
    @inlinable package static var process: SpinPolicy {
        SpinPolicy(looks: 32, nanoseconds: 20_000, isForHubs: true)
    }

    /// Whether the calling thread may spin.
    @inlinable
    package var isAllowed: Bool { isForHubs ? processorCount > 1 : threadMaySpin }

    /// The result of one look.
    @usableFromInline package enum Look { case ready, notYet, hopeless }

    /// Spins until `look` returns ready or hopeless, or the budget is spent.
    /// - Returns: Whether `look` returned ready.
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

    /// Spins until `isReady`, or until the budget is spent.
    @inlinable
    @inline(__always)
    package func spin(until isReady: () -> Bool) -> Bool { spin { isReady() ? .ready : .notYet } }
}
