// One wait for several things at once, as a select's. The strand waits with one node, the primary,
// which is in no queue. Each thing has a member in its queue, that only leads to the primary:
// settling a member is the one compare-and-swap on the primary, and who succeeds also notes which
// member it was. So a wait of many is ended once, by one waker, like a wait of one.
//
// The members stay in their queues until their owner takes them out, under the queues' locks: it
// must do so however the wait ended, before the memory of any of them goes.

extension WaiterNode {
    /// A member of a group; it must ``Waiter/join(_:)`` before it is queued.
    @inlinable
    package init(ofGroup: Void) {
        unsafe self.init(parker: nil, target: WaitTarget("group"), slot: nil)
    }
}

extension Waiter {
    /// A handle on a member of a group.
    @inlinable
    package init(member node: UnsafeMutablePointer<WaiterNode>) { unsafe self.init(node) }

    /// Gives a member its slot: where the waker leaves an item, or finds one.
    @inlinable
    package func setSlot(_ slot: UnsafeMutableRawPointer) { unsafe node.pointee.slot = slot }

    /// Makes this member lead to `primary`. Before it is queued.
    @inlinable
    package func join(_ primary: Waiter) {
        unsafe node.pointee.primary = primary.node
        unsafe primary.node.pointee.hasMembers = true
    }

    /// Of a primary whose wait a waker ended: the member that it was ended through.
    @inlinable
    package var winner: Waiter? {
        guard let winner = unsafe node.pointee.winner else { return nil }
        return unsafe Waiter(winner)
    }

    /// As ``settle(_:)``, for a member. Out of the way of ordinary waits.
    @usableFromInline
    func settleGroup(_ outcome: WaitOutcome) -> Bool {
        guard let primary = unsafe node.pointee.primary else { return false }
        let isMine = unsafe Waiter(primary).settle(outcome)
        // The strand reads it once it is unparked, which is the caller's next step.
        if isMine { unsafe primary.pointee.winner = unsafe node }
        return isMine
    }
}
