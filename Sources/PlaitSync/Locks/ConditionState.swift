internal import PlaitParking

/// The pure state of a ``Condition``: those who wait for a notification, oldest first.
struct ConditionState<Waiters: WaiterList> {
    private var waiters = Waiters()

    /// Queues a waiter; it releases the condition's lock only then, so that no notification that is
    /// given under the lock can miss it.
    mutating func wait(_ waiter: Waiters.Element) { waiters.append(waiter) }

    /// The oldest waiter, which is notified by this; nil when nobody waits. One that timed out or
    /// was cancelled just now is passed over.
    mutating func notify() -> Waiters.Element? { waiters.claimFirst() }

    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }

    /// A waiter whose wait ended as `outcome` has the lock again and leaves.
    /// - Parameter isCancelled: It leaves as cancelled.
    /// - Returns: The waiter that gets the notification that this waiter leaves unused.
    mutating func leave(_ outcome: WaitOutcome, isCancelled: Bool) -> Waiters.Element? {
        outcome.isWoken && isCancelled ? notify() : nil
    }
}
