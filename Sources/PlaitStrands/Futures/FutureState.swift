internal import PlaitParking

/// The pure state of a ``Future``.
struct FutureState<Waiters: WaiterList> {
    enum Phase: Sendable { case pending, running, cancelled, finished }

    private(set) var phase = Phase.pending
    /// The waiters for the end.
    private var waiters = Waiters()
    /// The waiters for the beginning: until the future is not pending any more.
    private var starters = Waiters()

    var isDone: Bool {
        switch phase {
        case .pending, .running: false
        case .cancelled, .finished: true
        }
    }

    /// Begins the work. Returns whether it may begin; ``claim()`` then returns the waiters to wake.
    mutating func begin() -> Bool {
        guard phase == .pending else { return false }
        phase = .running
        return true
    }

    /// Cancels the future. Returns whether this call did it; ``claim()`` then returns the waiters
    /// to wake.
    mutating func cancel() -> Bool {
        guard phase == .pending else { return false }
        phase = .cancelled
        return true
    }

    /// Finishes the future. Returns whether this call did it; ``claim()`` then returns the waiters
    /// to wake.
    mutating func finish() -> Bool {
        guard !isDone else { return false }
        phase = .finished
        return true
    }

    /// A waiter to wake. Call it until it returns nil.
    mutating func claim() -> Waiters.Element? {
        if phase != .pending, let waiter = starters.claimFirst() { return waiter }
        return isDone ? waiters.claimFirst() : nil
    }

    /// Returns true if `waiter` need not wait for the end; otherwise queues it.
    mutating func isDone(orQueue waiter: Waiters.Element) -> Bool {
        if !isDone { waiters.append(waiter) }
        return isDone
    }

    /// Returns true if `waiter` need not wait for the beginning; otherwise queues it.
    mutating func hasBegun(orQueue waiter: Waiters.Element) -> Bool {
        if phase == .pending { starters.append(waiter) }
        return phase != .pending
    }

    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }
    mutating func withdrawStarter(_ waiter: Waiters.Element) { starters.remove(waiter) }
}
