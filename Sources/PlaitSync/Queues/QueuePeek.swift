internal import PlaitParking
internal import PlaitPlatform

extension BlockingQueue {
    /// The item that would come next, if there is one; it stays. Never waits.
    /// - Throws: `QueueError.shutDown` once shut down and drained.
    public func tryPeek() throws -> Element? where Element: Sendable {
        lockDiverted()
        defer { unlock() }
        if unsafe state.storage.count > 0 { return unsafe try state.storage.peek() }
        if unsafe state.isShutDown { throw QueueError.shutDown }
        return nil
    }

    /// The item that would come next, waiting while there is none; it stays.
    ///
    /// Blocks the calling thread or parks the calling fiber. An item that goes to a waiting getter
    /// is not seen.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `TimedOut` past the limit, `QueueError.shutDown` once shut down and
    ///   drained, `CancellationError`.
    /// - Source: `gevent.queue.Queue.peek`.
    @available(*, noasync)
    public func peek(within limit: Duration? = nil) throws -> Element where Element: Sendable {
        let deadline = Deadline(within: limit)
        while true {
            if let item = try tryPeek() { return item }
            let outcome = Parking.block(
                on: WaitTarget("Queue.peek", self), until: deadline, enrol: enrolPeeker,
                withdraw: withdrawPeeker)
            guard try outcome.wasWoken() else { throw TimedOut("peek of \(self)") }
        }
    }

    /// The item that would come next, suspending the calling task while there is none; it stays.
    public func peek(within limit: Duration? = nil) async throws -> Element
    where Element: Sendable {
        let deadline = Deadline(within: limit)
        while true {
            if let item = try tryPeek() { return item }
            let outcome = await Parking.suspend(
                on: WaitTarget("Queue.peek", self), until: deadline, enrol: enrolPeeker,
                withdraw: withdrawPeeker)
            guard try outcome.wasWoken() else { throw TimedOut("peek of \(self)") }
        }
    }

    private func enrolPeeker(_ waiter: Waiter) -> Bool {
        lockDiverted()
        defer { unlock() }
        if unsafe state.storage.count > 0 || state.isShutDown { return false }
        unsafe state.peekers.append(waiter)
        return true
    }

    private func withdrawPeeker(_ waiter: Waiter) {
        guardLock.lock()
        unsafe state.peekers.remove(waiter)
        unlock()
    }
}
