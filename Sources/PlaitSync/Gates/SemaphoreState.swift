internal import PlaitParking

/// The pure state of a ``CountingSemaphore``. While anyone waits, no permit is free.
struct SemaphoreState<Waiters: WaiterList> {
    private(set) var permits: Int
    /// How many permits may ever be free.
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

    /// Whether strands hold at least `count` permits. A permit that goes to a waiter stays held.
    func mayRelease(_ count: Int) -> Bool { count <= bound - permits }

    /// Gives `count` permits to the oldest waiters, and frees the rest.
    mutating func release(_ count: Int, wake: (Waiters.Element) -> Void) {
        var left = count
        while left > 0, let waiter = waiters.claimFirst() {
            wake(waiter)
            left -= 1
        }
        permits += left
    }

    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }
}
