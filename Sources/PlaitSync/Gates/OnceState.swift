internal import PlaitParking

/// The pure state of a ``Once``. Strands wait only while one runs its closure.
struct OnceState<Waiters: WaiterList> {
    enum Phase { case fresh, running, done }

    private(set) var phase = Phase.fresh
    private var waiters = Waiters()

    /// Whether the caller is the one that runs its closure.
    mutating func begin() -> Bool {
        guard phase == .fresh else { return false }
        phase = .running
        return true
    }

    /// Whether `waiter` need not wait; else it is queued. Who need not wait, or is woken, is the
    /// one that runs its closure if the phase is `.running` then.
    mutating func goesOn(orQueue waiter: Waiters.Element) -> Bool {
        if begin() || phase == .done { return true }
        waiters.append(waiter)
        return false
    }

    /// The closure has finished. Returns a waiter to wake; to be called until there is none.
    mutating func succeed() -> Waiters.Element? {
        phase = .done
        return waiters.claimFirst()
    }

    /// The closure has thrown. Returns the waiter to wake that runs its own now, if any.
    mutating func fail() -> Waiters.Element? {
        let next = waiters.claimFirst()
        if next == nil { phase = .fresh }
        return next
    }

    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }
}

// For tests, which walk through all states.
extension OnceState: Equatable, Hashable where Waiters: Hashable {}
