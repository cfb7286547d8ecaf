internal import PlaitParking

/// The pure state of a ``Condition``: the waiters for a notification, oldest first.
struct ConditionState<Waiters: WaiterList> {
    private var waiters = Waiters()

    /// Queues a waiter. The waiter releases the condition's lock only after that, so that no
    /// notification under the lock can miss it.
    mutating func wait(_ waiter: Waiters.Element) { waiters.append(waiter) }

    /// Notifies the oldest waiter and returns it; nil when nobody waits. Passes over a waiter that
    /// has just timed out or was cancelled.
    mutating func notify() -> Waiters.Element? { waiters.claimFirst() }

    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }

    /// A waiter whose wait ended as `outcome` has the lock again and leaves.
    /// - Parameter isCancelled: Whether the waiter leaves as cancelled.
    /// - Returns: The waiter that gets the notification, if this waiter leaves it unused.
    mutating func leave(_ outcome: WaitOutcome, isCancelled: Bool) -> Waiters.Element? {
        outcome.isWoken && isCancelled ? notify() : nil
    }
}
