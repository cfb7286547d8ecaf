internal import Synchronization

/// What other threads may see of a hub: whether it gets on.
struct HubPulse: ~Copyable {
    /// What the hub's thread is doing.
    enum Phase: UInt8, AtomicRepresentable {
        /// The thread's own code runs, and the hub does not.
        case thread
        /// Fibers or callbacks run, or are about to.
        case running
        /// It sleeps until something comes.
        case idle
    }

    // Written by the hub's thread alone: no read-modify-write is needed. Relaxed: who reads them
    // draws conclusions only from a number that stays the same.
    private let count = Atomic<Int>(0)
    private let state = Atomic<Phase>(.thread)

    /// Changes whenever somebody else gets the thread: a fiber, a batch of callbacks, its own
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
