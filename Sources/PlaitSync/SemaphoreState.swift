internal import PlaitParking

/// The pure state of a ``CountingSemaphore``. While anyone waits, no permit is free.
struct SemaphoreState<Waiters: WaiterList> {
    enum Effect { case none, wake(Waiters.Element) }

    private(set) var permits: Int
    /// How many there may ever be free.
    let bound: Int
    private var waiters = Waiters()

    init(permits: Int, bound: Int = .max) {
        self.permits = permits
        self.bound = bound
    }

    mutating func tryAcquire() -> Bool {
        guard permits > 0 else { return false }
        permits -= 1
        return true
    }

    /// Takes a permit for `waiter` and returns true, or queues it.
    mutating func acquire(orQueue waiter: Waiters.Element) -> Bool {
        if tryAcquire() { return true }
        waiters.append(waiter)
        return false
    }

    /// Whether so many are held by somebody. A permit that goes to a waiter is held as before.
    func mayRelease(_ count: Int) -> Bool { count <= bound - permits }

    /// Gives one permit to the oldest waiter, or back.
    mutating func release() -> Effect {
        if let waiter = waiters.claimFirst() { return .wake(waiter) }
        permits += 1
        return .none
    }

    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }
}
