/// A list of waiters ordered by age. A waiter may leave the list and come back to its place.
///
/// Serves a primitive whose waiters stop waiting now and then, for example to ask for the lock, and
/// then go on waiting.
public protocol AgedWaiterList<Element>: WaiterList {
    /// Adds a waiter that began to wait at `since`, behind those that have waited as long or
    /// longer.
    mutating func insert(_ waiter: Element, since: UInt64)
    /// As ``WaiterList/claimFirst()``, ending the wait as `outcome`.
    mutating func claimFirst(as outcome: WaitOutcome) -> Element?
}

extension WaitQueue: AgedWaiterList {
    public mutating func insert(_ waiter: Waiter, since: UInt64) {
        waiter.since = since
        insert(waiter) { $0.since > since }
    }
}
