// One wait for several things at once, such as a select. The strand waits with one node, the
// primary, which is in no queue. The queue of each thing holds a member, which only leads to the
// primary. Settling a member is one compare-and-swap on the primary, and the waker that succeeds
// also notes the member. So one waker ends a wait for many things, once, like a wait for one.
//
// The members stay in their queues until their owner takes them out, under the queues' locks. It
// must do so however the wait ended, before the memory of any member goes.

extension WaiterNode {
    /// Makes a member of a group. It must ``Waiter/join(_:)`` its group before it is queued.
    @inlinable
    package init(ofGroup: Void) {
        unsafe self.init(parker: nil, target: WaitTarget("group"), slot: nil)
    }
}

extension Waiter {
    /// A handle on a member of a group.
    @inlinable
    package init(member node: UnsafeMutablePointer<WaiterNode>) { unsafe self.init(node) }

    /// Gives a member its slot, where the waker leaves an item or finds one.
    @inlinable
    package func setSlot(_ slot: UnsafeMutableRawPointer) { unsafe node.pointee.slot = slot }

    /// Makes this member lead to `primary`. Called before the member is queued.
    @inlinable
    package func join(_ primary: Waiter) {
        unsafe node.pointee.primary = primary.node
        unsafe primary.node.pointee.hasMembers = true
    }

    /// The member through which a waker ended the wait of this primary.
    @inlinable
    package var winner: Waiter? {
        guard let winner = unsafe node.pointee.winner else { return nil }
        return unsafe Waiter(winner)
    }

    /// As ``settle(_:)``, for a member. A function of its own, so that ordinary waits stay short.
    @usableFromInline
    func settleGroup(_ outcome: WaitOutcome) -> Bool {
        guard let primary = unsafe node.pointee.primary else { return false }
        let isMine = unsafe Waiter(primary).settle(outcome)
        // The strand reads the winner after it is unparked, which is the caller's next step.
        if isMine { unsafe primary.pointee.winner = unsafe node }
        return isMine
    }
}
