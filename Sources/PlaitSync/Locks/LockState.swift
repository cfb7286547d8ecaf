internal import PlaitParking

/// What a ``Lock`` asks of the list of its waiters.
protocol LockWaiterList: WaiterList {
    /// The oldest waiter.
    var first: Element? { get }
    /// Adds a waiter before the first that `isYounger`, or behind all.
    mutating func insert(_ waiter: Element, beforeFirst isYounger: (Element) -> Bool)
    /// As `claimFirst()`, ending the wait as `outcome`.
    mutating func claimFirst(as outcome: WaitOutcome) -> Element?
}

extension WaitQueue: LockWaiterList {}

/// The pure part of a ``Lock``: who waits, and what each step makes of the word.
///
/// The lock's guard is held around every call. The word also changes outside of it, but only from
/// free to held, by who takes it, and from held without waiters to free, by who releases it. So a
/// word that is held and has waiters stays what it is while a step looks at it.
struct LockState<Waiters: LockWaiterList> {
    private(set) var waiters = Waiters()

    /// Queues a new waiter, after the word was made ``LockWord/entered`` and was not free.
    mutating func queue(_ waiter: Waiters.Element) { waiters.append(waiter) }

    /// Queues one that was woken and found itself overtaken. It keeps its place, also among several
    /// such, whichever of them comes back first.
    mutating func queueAgain(
        _ waiter: Waiters.Element, isYounger: (Waiters.Element) -> Bool
    ) {
        waiters.insert(waiter, beforeFirst: isYounger)
    }

    /// Gives back a lock that is held.
    /// - Parameter isOwed: Whether the oldest waiter must be given the lock, rather than a try.
    /// - Returns: The waiters that go on, and the word to store before.
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

    /// A strand gives up that may have been woken before, for a lock that is free now: the next
    /// waiter is woken in its place. While the lock is held, its holder will do that.
    /// - Returns: The waiters that go on, and whether the word must lose its waiters bit before.
    mutating func passOn(_ seen: LockWord) -> (waiter: Waiters.Element?, clearsWaiters: Bool) {
        if seen.isHeld { return (nil, false) }
        let waiter = waiters.claimFirst()
        return (waiter, waiters.isEmpty)
    }
}

/// The tries of one strand to get a ``Lock``: it may be woken and find itself overtaken.
struct LockAttempt: Hashable, Sendable {
    enum Verdict: Hashable, Sendable {
        case held
        /// Woken, but for a try only.
        case again
        /// It does not have the lock. `mustPassOn`: a wakeup may have been spent on it.
        case gaveUp(mustPassOn: Bool)
    }

    /// When it first queued; nil before.
    var since: UInt64?
    /// It took the lock instead of queueing.
    var isTaken = false

    /// What the end of a wait means.
    func verdict(_ outcome: WaitOutcome) -> Verdict {
        switch outcome {
        case .granted: .held
        case .woken, .pending: isTaken ? .held : .again
        case .timedOut, .cancelled: .gaveUp(mustPassOn: since != nil)
        }
    }
}
