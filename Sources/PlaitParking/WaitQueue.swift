/// The waiters of a primitive's state machine. The machines are generic over this protocol, so that
/// tests can drive them with plain numbers through every interleaving.
public protocol WaiterList<Element> {
    associatedtype Element
    init()
    var isEmpty: Bool { get }
    /// Adds a waiter behind the others.
    mutating func append(_ waiter: Element)
    /// Takes the oldest waiter whose wait this call can end as woken. Waiters before it that have
    /// just timed out or were cancelled are dropped, so that none of them swallows the wake-up.
    mutating func claimFirst() -> Element?
    /// Takes out a waiter that gives up. Returns false if it was not in the list any more.
    @discardableResult
    mutating func remove(_ waiter: Element) -> Bool
}

/// A queue of waiters, oldest first, linked through the waiters themselves: it allocates nothing.
///
/// Guarded by the lock of the primitive that owns it.
@safe
public struct WaitQueue: WaiterList {
    @usableFromInline var head: UnsafeMutablePointer<WaiterNode>?
    @usableFromInline var tail: UnsafeMutablePointer<WaiterNode>?

    @inlinable
    public init() {
        unsafe head = nil
        unsafe tail = nil
    }

    @inlinable public var isEmpty: Bool { unsafe head == nil }

    /// The oldest waiter.
    @inlinable public var first: Waiter? {
        guard let node = unsafe head else { return nil }
        return unsafe Waiter(node)
    }

    @inlinable
    public mutating func append(_ waiter: Waiter) {
        // A wait that was cancelled before this point must not be linked: its owner may have
        // withdrawn already.
        guard waiter.outcome.isPending else { return }
        let node = unsafe waiter.node
        unsafe node.pointee.isQueued = true
        unsafe node.pointee.next = nil
        unsafe node.pointee.previous = tail
        if let last = unsafe tail {
            unsafe last.pointee.next = node
        } else {
            unsafe head = unsafe node
        }
        unsafe tail = unsafe node
    }

    @inlinable
    public mutating func claimFirst() -> Waiter? { claimFirst(as: .woken) }

    /// As ``claimFirst()``, ending the wait as `outcome`.
    @inlinable
    public mutating func claimFirst(as outcome: WaitOutcome) -> Waiter? {
        while let node = unsafe head {
            unsafe unlink(node)
            let waiter = unsafe Waiter(node)
            if waiter.settle(outcome) { return waiter }
        }
        return nil
    }

    /// Takes every waiter whose wait this call can end.
    @inlinable
    public mutating func claimAll() -> ClaimedWaiters {
        var claimed = ClaimedWaiters()
        while let waiter = claimFirst() { claimed.append(waiter) }
        return claimed
    }

    @inlinable
    @discardableResult
    public mutating func remove(_ waiter: Waiter) -> Bool {
        guard unsafe waiter.node.pointee.isQueued else { return false }
        unsafe unlink(waiter.node)
        return true
    }

    @inlinable
    mutating func unlink(_ node: UnsafeMutablePointer<WaiterNode>) {
        unsafe node.pointee.isQueued = false
        if let previous = unsafe node.pointee.previous {
            unsafe previous.pointee.next = node.pointee.next
        } else {
            unsafe head = node.pointee.next
        }
        if let next = unsafe node.pointee.next {
            unsafe next.pointee.previous = node.pointee.previous
        } else {
            unsafe tail = node.pointee.previous
        }
        unsafe node.pointee.next = nil
        unsafe node.pointee.previous = nil
    }
}

/// Waiters that the caller has settled under a lock and unparks after unlocking.
@safe
public struct ClaimedWaiters {
    @usableFromInline var head: UnsafeMutablePointer<WaiterNode>?
    @usableFromInline var tail: UnsafeMutablePointer<WaiterNode>?

    @inlinable
    public init() {
        unsafe head = nil
        unsafe tail = nil
    }

    @inlinable
    public mutating func append(_ waiter: Waiter) {
        unsafe waiter.node.pointee.next = nil
        if let last = unsafe tail {
            unsafe last.pointee.next = waiter.node
        } else {
            unsafe head = waiter.node
        }
        unsafe tail = waiter.node
    }

    /// Unparks them in order.
    @inlinable
    public consuming func unparkAll() {
        var next = unsafe head
        while let node = unsafe next {
            // After unparking, the node may be gone.
            unsafe next = node.pointee.next
            unsafe Waiter(node).unpark()
        }
    }
}
