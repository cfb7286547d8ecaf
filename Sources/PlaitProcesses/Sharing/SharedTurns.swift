internal import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// Makes sure that waiters for something in shared memory get it in bounded time.
///
/// A holder may release it and take it again before a waiter has woken, again and again. So a
/// waiter that has waited for a millisecond and was overtaken asks for a turn, and newcomers then
/// wait until it has had its turn. A request expires by itself, so that a waiter that has died does
/// not hold up others for long.
@safe
struct SharedTurns: @unchecked Sendable {
    // Sendable: atomic.
    static let size = 8
    /// The age, in nanoseconds, at which a waiter asks.
    private static let patience: UInt64 = 1_000_000
    /// How long a request is valid, in milliseconds. Waiters look by themselves twice in this time.
    private static let term: UInt32 = 120

    /// Keeps the memory alive.
    private let owner: any AnyObject & Sendable
    /// Until when newcomers wait, in milliseconds of the clock; 0 if they do not wait.
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    init(_ owner: any AnyObject & Sendable, at place: UnsafeMutableRawPointer) {
        self.owner = owner
        unsafe word = unsafe place.assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    private static var now: UInt32 { UInt32(truncatingIfNeeded: monotonicNow() / 1_000_000) | 1 }

    /// The word's value for which newcomers wait; nil if nobody asks for a turn.
    private var isAsked: UInt32? {
        let end = unsafe word.pointee.load(ordering: .relaxed)
        // The 32-bit clock wraps around, so a time long past or far ahead is not a valid request.
        return end != 0 && end &- Self.now <= Self.term ? end : nil
    }

    private func ask() { unsafe word.pointee.store(Self.now &+ Self.term, ordering: .relaxed) }

    private func end() {
        unsafe word.pointee.store(0, ordering: .sequentiallyConsistent)
        unsafe SharedWord(word).wake(count: .max)
    }

    /// One wait of a strand.
    struct Turn {
        private let turns: SharedTurns
        private let start = monotonicNow()
        private var mayBeLet: Bool
        private var hasAsked = false

        /// - Parameter limit: The limit of the wait. A call that only tries once lets nobody go
        ///   first.
        init(_ turns: SharedTurns, within limit: Duration?) {
            self.turns = turns
            mayBeLet = limit != .zero
        }

        /// Makes one step of the wait.
        /// - Parameters:
        ///   - attempt: Tries to take it; returns nil if it is not available.
        ///   - condition: The condition that it may be available.
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
