package import PlaitPlatform
internal import Synchronization

extension Strand {
    /// Whether the strand is alive. False once its body has returned or thrown, and in a forked
    /// child for a strand of the parent.
    // .acquiring pairs with the .releasing store in finish(): the result is visible.
    public final var isAlive: Bool { !hasEnded.load(ordering: .acquiring) && !isLeftInParent }

    /// Notes that the strand has ended, and lets all strands go on that joined it.
    package final func finish() {
        joinLock.lock()
        hasEnded.store(true, ordering: .releasing)
        let claimed = unsafe joiners.claimAll()
        joinLock.unlock()
        claimed.unparkAll()
    }

    /// Waits until the strand has ended. Does not look at its result.
    ///
    /// Blocks the calling thread or parks the calling fiber. Any number of strands may join, before
    /// and after the end. A strand that joins itself traps.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Returns: False when the limit passed first.
    /// - Throws: `CancellationError` when the caller is cancelled.
    /// - Source: Python's `Thread.join`.
    @available(*, noasync)
    @discardableResult
    public final func join(within limit: Duration? = nil) throws(CancellationError) -> Bool {
        if !isAlive { return true }
        return try awaitEnd(until: Deadline(within: limit), isCancellable: true).wasWoken()
    }

    /// Waits until the strand has ended, suspending the calling task.
    @discardableResult
    public final func join(within limit: Duration? = nil) async throws(CancellationError) -> Bool {
        if !isAlive { return true }
        return try await Parking.suspend(
            on: WaitTarget("Strand.join", self), until: Deadline(within: limit),
            enrol: { enrol($0) }, withdraw: { withdraw($0) }
        ).wasWoken()
    }

    /// Waits until the strand has ended, at most until `deadline`, whatever happens to the caller.
    @available(*, noasync)
    package final func joinUncancellably(until deadline: Deadline = .never) {
        _ = awaitEnd(until: deadline, isCancellable: false)
    }

    /// Waits until the strand has ended, whatever happens to the calling task.
    package final func joinUncancellably() async {
        if !isAlive { return }
        _ = await Parking.suspend(
            on: WaitTarget("Strand.join", self), until: .never, isCancellable: false,
            enrol: { enrol($0) }, withdraw: { withdraw($0) })
    }

    private func awaitEnd(until deadline: Deadline, isCancellable: Bool) -> WaitOutcome {
        demand(
            unsafe ThreadCell.current.strand != Unmanaged.passUnretained(self).toOpaque(),
            "strand \(name) joins itself, which would wait for ever")
        return Parking.block(
            on: WaitTarget("Strand.join", self), until: deadline, isCancellable: isCancellable,
            enrol: { enrol($0) }, withdraw: { withdraw($0) })
    }

    private func enrol(_ waiter: Waiter) -> Bool {
        joinLock.lock()
        defer { joinLock.unlock() }
        if !isAlive { return false }
        unsafe joiners.append(waiter)
        return true
    }

    private func withdraw(_ waiter: Waiter) {
        joinLock.lock()
        unsafe joiners.remove(waiter)
        joinLock.unlock()
    }
}
