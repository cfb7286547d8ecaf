internal import PlaitParking

/// The pure state of a ``Once``. Strands wait only while one runs its closure.
struct OnceState<Waiters: WaiterList> {
    enum Phase { case fresh, running, done }

    private(set) var phase = Phase.fresh
    private var waiters = Waiters()

    /// Returns true if the caller must run its closure.
    mutating func begin() -> Bool {
        guard phase == .fresh else { return false }
        phase = .running
        return true
    }

    /// Returns true if `waiter` need not wait; otherwise queues it. If the phase is `.running` when
    /// the strand goes on, that strand runs its closure.
    mutating func goesOn(orQueue waiter: Waiters.Element) -> Bool {
        if begin() || phase == .done { return true }
        waiters.append(waiter)
        return false
    }

    /// The closure has finished. Returns a waiter to wake; call it until it returns nil.
    mutating func succeed() -> Waiters.Element? {
        phase = .done
        return waiters.claimFirst()
    }

    /// The closure has thrown. Returns the waiter that runs its own closure next, if there is one.
    mutating func fail() -> Waiters.Element? {
        let next = waiters.claimFirst()
        if next == nil { phase = .fresh }
        return next
    }

    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }
}

// For tests, which walk through all states.
extension OnceState: Equatable, Hashable where Waiters: Hashable {}
