/// Waiters in the order of their age, who may leave and come back to their place.
///
/// For a primitive whose waiters stop waiting to do something, such as asking, and go on waiting.
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
