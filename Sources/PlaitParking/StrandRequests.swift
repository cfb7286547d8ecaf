/// A strand's present wait, and the requests to end its waits as cancelled. Each request ends one
/// wait.
///
/// The type is pure. A thread's strand keeps it under a lock, and a fiber on its hub's thread. A
/// call that ends a wait returns the waiter, which the caller unparks before anybody else may look.
package struct StrandRequests {
    /// The present wait.
    package private(set) var waiting: Waiter?
    private var isCancellable = false
    /// Whether there is a cancellation that has not ended a wait yet.
    private var isCancelled = false
    /// Interrupts that have not ended a wait yet. Each closure tells whether its interrupt is still
    /// wanted. Nil when there are none.
    private var interrupts: [@Sendable () -> Bool]?
    /// The interrupt that ended the present wait, if an interrupt ended it.
    private var ending: (@Sendable () -> Bool)?

    package init() {}

    /// Begins a wait.
    /// - Returns: False when there is a request that ends it; the wait does not begin then.
    @inline(__always)
    package mutating func begin(_ waiter: Waiter, isCancellable: Bool) -> Bool {
        if isCancellable && (isCancelled || interrupts != nil), takeRequest() { return false }
        waiting = waiter
        self.isCancellable = isCancellable
        return true
    }

    /// Ends a settled wait, which has used up the request that settled it.
    @inline(__always)
    package mutating func end() {
        waiting = nil
        if ending != nil { ending = nil }
    }

    /// Ends a wait that was not needed after all. A request that ended it meanwhile goes to the
    /// next wait.
    /// - Returns: Whether a request had ended it, so that the strand was unparked for nothing.
    package mutating func abandon(_ waiter: Waiter) -> Bool {
        defer { end() }
        if waiter.settle(.woken) || waiter.outcome != .cancelled { return false }
        if let ending { interrupts = (interrupts ?? []) + [ending] } else { isCancelled = true }
        return true
    }

    /// Ends the present wait as cancelled, or else the next cancellable one.
    /// - Returns: The waiter whose wait was ended.
    package mutating func cancel() -> Waiter? {
        if let waiter = endWait() { return waiter }
        isCancelled = true
        return nil
    }

    /// As ``cancel()``, as long as the interrupt is wanted.
    package mutating func interrupt(if isWanted: @escaping @Sendable () -> Bool) -> Waiter? {
        guard isWanted() else { return nil }
        if let waiter = endWait() {
            ending = isWanted
            return waiter
        }
        interrupts = (interrupts ?? []) + [isWanted]
        return nil
    }

    /// Forgets the interrupts that nobody wants any more.
    package mutating func retractInterrupts() {
        interrupts?.removeAll { !$0() }
        if interrupts?.isEmpty == true { interrupts = nil }
    }

    /// Forgets all requests. Called in a forked child, since they were for the parent's strand.
    package mutating func forget() {
        isCancelled = false
        interrupts = nil
    }

    /// Takes the first request that can end a wait.
    private mutating func takeRequest() -> Bool {
        if isCancelled {
            isCancelled = false
            return true
        }
        while let isWanted = interrupts?.popLast() {
            if isWanted() { return true }
        }
        interrupts = nil
        return false
    }

    private func endWait() -> Waiter? {
        guard let waiting, isCancellable, waiting.settle(.cancelled) else { return nil }
        return waiting
    }
}
