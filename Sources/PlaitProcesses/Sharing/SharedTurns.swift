internal import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// Sees to it that those who wait for something in shared memory get it in bounded time.
///
/// Whoever gives it up may take it again before a waiter has woken, and so for ever. So one that
/// has waited for a millisecond, and was beaten to it, asks for its turn: newcomers wait until it
/// has had it. What it asks for ends by itself, so that nothing is held up for long by one that has
/// died.
@safe
struct SharedTurns: @unchecked Sendable {
    // Sendable: atomic.
    static let size = 8
    /// How old a waiter is that asks, in nanoseconds.
    private static let patience: UInt64 = 1_000_000
    /// How long it is good for, in milliseconds: waiters look by themselves twice in it.
    private static let term: UInt32 = 120

    /// Keeps the memory.
    private let owner: any AnyObject & Sendable
    /// Until when newcomers wait, in milliseconds of the clock; 0: they do not.
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    init(_ owner: any AnyObject & Sendable, at place: UnsafeMutableRawPointer) {
        self.owner = owner
        unsafe word = unsafe place.assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    private static var now: UInt32 { UInt32(truncatingIfNeeded: monotonicNow() / 1_000_000) | 1 }

    /// What newcomers wait for; nil where nobody asks for a turn.
    private var isAsked: UInt32? {
        let end = unsafe word.pointee.load(ordering: .relaxed)
        // The clock goes round: what is long past, or far ahead, was not asked for.
        return end != 0 && end &- Self.now <= Self.term ? end : nil
    }

    private func ask() { unsafe word.pointee.store(Self.now &+ Self.term, ordering: .relaxed) }

    private func end() {
        unsafe word.pointee.store(0, ordering: .sequentiallyConsistent)
        unsafe SharedWord(word).wake(count: .max)
    }

    /// One wait.
    struct Turn {
        private let turns: SharedTurns
        private let start = monotonicNow()
        private var mayBeLet: Bool
        private var hasAsked = false

        /// - Parameter limit: One that only tries lets nobody go first.
        init(_ turns: SharedTurns, within limit: Duration?) {
            self.turns = turns
            mayBeLet = limit != .zero
        }

        /// A step of the wait.
        /// - Parameters:
        ///   - attempt: Takes it; nil where it is not to be had.
        ///   - condition: That it may be had.
        mutating func step<Result>(
            _ attempt: () throws -> Result?, or condition: @autoclosure () -> SharedCondition
        ) rethrows -> SharedStep<Result> {
            if mayBeLet {
                mayBeLet = false
                if turns.isAsked != nil { return .wait(turns.isOver) }
            }
            if let result = try attempt() {
                if hasAsked { turns.end() }
                return .done(result)
            }
            guard monotonicNow() - start > SharedTurns.patience else { return .wait(condition()) }
            hasAsked = true
            turns.ask()
            return .wait(condition().asking { [turns] in turns.ask() })
        }
    }

    private var isOver: SharedCondition {
        SharedCondition(unsafe SharedWord(word)) { isAsked }
    }
}
