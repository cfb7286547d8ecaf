internal import PlaitParking

/// What a ``Lock`` needs of its list of waiters.
protocol LockWaiterList: WaiterList {
    /// The oldest waiter.
    var first: Element? { get }
    /// Adds a waiter before the first that `isYounger`, or behind all.
    mutating func insert(_ waiter: Element, beforeFirst isYounger: (Element) -> Bool)
    /// As `claimFirst()`, ending the wait as `outcome`.
    mutating func claimFirst(as outcome: WaitOutcome) -> Element?
}

extension WaitQueue: LockWaiterList {}

/// The pure part of a ``Lock``: its waiters, and how each step changes the word.
///
/// The lock's guard is held around every call. Without the guard the word changes in two ways only:
/// from free to held, by the strand that takes the lock, and from held without waiters to free, by
/// the strand that releases it. So a word that is held and has waiters does not change during a
/// step.
struct LockState<Waiters: LockWaiterList> {
    private(set) var waiters = Waiters()

    /// Queues a new waiter, after the word was made ``LockWord/entered`` and was not free.
    mutating func queue(_ waiter: Waiters.Element) { waiters.append(waiter) }

    /// Queues a waiter that was woken but overtaken. It keeps its place, even among several such
    /// waiters, whichever comes back first.
    mutating func queueAgain(
        _ waiter: Waiters.Element, isYounger: (Waiters.Element) -> Bool
    ) {
        waiters.insert(waiter, beforeFirst: isYounger)
    }

    /// Gives back a lock that is held.
    /// - Parameter isOwed: Whether the oldest waiter must get the lock, rather than a try.
    /// - Returns: The waiters that go on, and the word that the caller stores before.
    mutating func release(
        _ seen: LockWord, isOwed: (Waiters.Element) -> Bool
    ) -> (waiter: Waiters.Element?, word: LockWord) {
        let handsOver = waiters.first.map(isOwed) ?? false
        let waiter = waiters.claimFirst(as: handsOver ? .granted : .woken)
        let word = seen.afterRelease(
            isHandedOver: handsOver && waiter != nil, hasWaiters: !waiters.isEmpty)
        return (waiter, word)
    }

    /// Takes out a waiter that gives up.
    /// - Returns: Whether the word must lose its waiters bit.
    mutating func withdraw(_ waiter: Waiters.Element) -> Bool {
        waiters.remove(waiter)
        return waiters.isEmpty
    }

    /// Handles a strand that gives up although it may have been woken for a lock that is free now.
    /// The next waiter wakes in its place. While the lock is held, its holder will wake one.
    /// - Returns: The waiter that goes on, and whether the word must lose its waiters bit before.
    mutating func passOn(_ seen: LockWord) -> (waiter: Waiters.Element?, clearsWaiters: Bool) {
        if seen.isHeld { return (nil, false) }
        let waiter = waiters.claimFirst()
        return (waiter, waiters.isEmpty)
    }
}

/// The attempts of one strand to get a ``Lock``. The strand may be woken and find itself overtaken.
struct LockAttempt: Hashable, Sendable {
    enum Verdict: Hashable, Sendable {
        case held
        /// The strand was woken, but only for another try.
        case again
        /// The strand does not have the lock. `mustPassOn` says that it may have used up a wake-up.
        case gaveUp(mustPassOn: Bool)
    }

    /// When the strand first queued; nil before that.
    var since: UInt64?
    /// Whether the strand took the lock instead of queueing.
    var isTaken = false

    /// What the end of a wait means for the attempt.
    func verdict(_ outcome: WaitOutcome) -> Verdict {
        switch outcome {
        case .granted: .held
        case .woken, .pending: isTaken ? .held : .again
        case .timedOut, .cancelled: .gaveUp(mustPassOn: since != nil)
        }
    }
}
