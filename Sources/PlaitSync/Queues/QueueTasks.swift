internal import PlaitParking
internal import PlaitPlatform

// Counting the items that consumers have got but not finished. `join` waits until there are none.
extension BlockingQueue {
    /// Says that an item is done. The strand that worked on it calls this once for each item.
    ///
    /// Traps when called more often than items were put. Never blocks.
    /// - Source: Python's `Queue.task_done`.
    public func taskDone() {
        guardLock.lock()
        let left = unsafe state.taskDone(others: ring?.freePushes ?? 0)
        demand(
            left >= 0,
            """
            taskDone of a queue more often than items were put, by strand \(Strand.current.name): \
            call it once for each item that was got
            """)
        var claimed = ClaimedWaiters()
        if left == 0 { claimJoiners(&claimed) }
        guardLock.unlock()
        claimed.unparkAll()
    }

    /// How many items were put and are neither done nor dropped by a shut-down.
    public var unfinishedCount: Int { guardLock.withLock { unfinished } }

    /// Waits until every item that was put is done.
    ///
    /// Blocks the calling thread or parks the calling fiber. Returns at once if there is none.
    /// - Returns: False when the limit passed first.
    /// - Throws: `CancellationError`.
    /// - Source: Python's `Queue.join`.
    @available(*, noasync)
    @discardableResult
    public func join(within limit: Duration? = nil) throws(CancellationError) -> Bool {
        if unfinishedCount <= 0 { return true }
        return try Parking.block(
            on: WaitTarget("Queue.join", self), until: Deadline(within: limit),
            enrol: enrolJoiner, withdraw: withdrawJoiner
        ).wasWoken()
    }

    /// Waits until every item that was put is done, suspending the calling task.
    @discardableResult
    public func join(within limit: Duration? = nil) async throws(CancellationError) -> Bool {
        if unfinishedCount <= 0 { return true }
        return try await Parking.suspend(
            on: WaitTarget("Queue.join", self), until: Deadline(within: limit),
            enrol: enrolJoiner, withdraw: withdrawJoiner
        ).wasWoken()
    }

    /// Read under the lock.
    var unfinished: Int { unsafe state.unfinished + (ring?.freePushes ?? 0) }

    func claimJoiners(_ claimed: inout ClaimedWaiters) {
        while let joiner = unsafe state.joiners.claimFirst() { claimed.append(joiner) }
    }

    private func enrolJoiner(_ waiter: Waiter) -> Bool {
        guardLock.withLock {
            if unfinished <= 0 { return false }
            unsafe state.joiners.append(waiter)
            return true
        }
    }

    private func withdrawJoiner(_ waiter: Waiter) {
        guardLock.withLock { unsafe _ = state.joiners.remove(waiter) }
    }
}
