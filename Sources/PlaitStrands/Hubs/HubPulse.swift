internal import Synchronization

/// The part of a hub that other threads may read: whether it makes progress.
struct HubPulse: ~Copyable {
    /// What the hub's thread is doing.
    enum Phase: UInt8, AtomicRepresentable {
        /// The thread's own code runs, and the hub does not.
        case thread
        /// Fibers or callbacks run, or are about to.
        case running
        /// The hub sleeps until something comes.
        case idle
    }

    // Only the hub's thread writes these, so no read-modify-write is needed. Relaxed is enough:
    // readers draw conclusions only from a number that stays the same.
    private let count = Atomic<Int>(0)
    private let state = Atomic<Phase>(.thread)

    /// Changes whenever the thread switches to another fiber, a batch of callbacks or its own
    /// strand.
    @inline(__always)
    var turn: Int { count.load(ordering: .relaxed) }

    var phase: Phase { state.load(ordering: .relaxed) }

    /// Begins the next turn, after `turn`.
    @inline(__always)
    func advance(from turn: Int) { count.store(turn &+ 1, ordering: .relaxed) }

    /// Begins the next turn, in another phase.
    func enter(_ phase: Phase) {
        state.store(phase, ordering: .relaxed)
        advance(from: turn)
    }
}
