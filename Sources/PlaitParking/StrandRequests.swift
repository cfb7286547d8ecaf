/// The wait that a strand is in, and what was asked of its waits: to end as cancelled, once.
///
/// Pure: a thread's strand keeps it under a lock, a fiber on its hub's thread. Whatever ends a wait
/// here gives back the waiter, which is to be unparked before another may look.
package struct StrandRequests {
    /// The wait it is in.
    package private(set) var waiting: Waiter?
    private var isCancellable = false
    /// Whether a cancellation has come that ended no wait yet.
    private var isCancelled = false
    /// Interrupts that ended no wait yet: whether each is wanted still. Nil when there are none.
    private var interrupts: [@Sendable () -> Bool]?
    /// The interrupt that ended the present wait, if it was one.
    private var ending: (@Sendable () -> Bool)?

    package init() {}

    /// Begins a wait.
    /// - Returns: False when a request was there that is to end it: it does not begin then.
    @inline(__always)
    package mutating func begin(_ waiter: Waiter, isCancellable: Bool) -> Bool {
        if isCancellable && (isCancelled || interrupts != nil), takeRequest() { return false }
        waiting = waiter
        self.isCancellable = isCancellable
        return true
    }

    /// Ends the wait, which was settled and used up what settled it.
    @inline(__always)
    package mutating func end() {
        waiting = nil
        if ending != nil { ending = nil }
    }

    /// Ends a wait that was not needed after all. A request that ended it meanwhile goes to the
    /// next one.
    /// - Returns: Whether one had: then the strand was unparked for nothing.
    package mutating func abandon(_ waiter: Waiter) -> Bool {
        defer { end() }
        if waiter.settle(.woken) || waiter.outcome != .cancelled { return false }
        if let ending { interrupts = (interrupts ?? []) + [ending] } else { isCancelled = true }
        return true
    }

    /// Ends the present wait as cancelled, or else the next one that can be.
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

    /// Forgets all requests: in a forked child, they were for the parent's strand.
    package mutating func forget() {
        isCancelled = false
        interrupts = nil
    }

    /// Takes the first request that is to end a wait.
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
