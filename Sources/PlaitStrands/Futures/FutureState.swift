internal import PlaitParking

/// The pure state of a ``Future``.
struct FutureState<Waiters: WaiterList> {
    enum Phase: Sendable { case pending, running, cancelled, finished }

    private(set) var phase = Phase.pending
    /// Those who wait until it is done.
    private var waiters = Waiters()
    /// Those who wait until it is not pending any more.
    private var starters = Waiters()

    var isDone: Bool {
        switch phase {
        case .pending, .running: false
        case .cancelled, .finished: true
        }
    }

    /// Whether the work may begin; ``claim()`` tells who need not wait any more.
    mutating func begin() -> Bool {
        guard phase == .pending else { return false }
        phase = .running
        return true
    }

    /// Whether this call cancelled it; ``claim()`` tells who need not wait any more.
    mutating func cancel() -> Bool {
        guard phase == .pending else { return false }
        phase = .cancelled
        return true
    }

    /// Whether this call finished it; ``claim()`` tells who need not wait any more.
    mutating func finish() -> Bool {
        guard !isDone else { return false }
        phase = .finished
        return true
    }

    /// A waiter to wake; to be called until there is none.
    mutating func claim() -> Waiters.Element? {
        if phase != .pending, let waiter = starters.claimFirst() { return waiter }
        return isDone ? waiters.claimFirst() : nil
    }

    /// Whether `waiter` need not wait for the end; else it is queued.
    mutating func isDone(orQueue waiter: Waiters.Element) -> Bool {
        if !isDone { waiters.append(waiter) }
        return isDone
    }

    /// Whether `waiter` need not wait for the beginning; else it is queued.
    mutating func hasBegun(orQueue waiter: Waiters.Element) -> Bool {
        if phase == .pending { starters.append(waiter) }
        return phase != .pending
    }

    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }
    mutating func withdrawStarter(_ waiter: Waiters.Element) { starters.remove(waiter) }
}
