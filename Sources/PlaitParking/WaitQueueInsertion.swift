extension WaitQueue {
    /// Adds a waiter before the first one that `isYounger`, or behind all. A waiter that was woken
    /// but overtaken returns to its place this way.
    public mutating func insert(_ waiter: Waiter, beforeFirst isYounger: (Waiter) -> Bool) {
        guard waiter.outcome.isPending else { return }
        var next = unsafe head
        while let node = unsafe next, !isYounger(unsafe Waiter(node)) {
            unsafe next = node.pointee.next
        }
        guard let node = unsafe next else {
            append(waiter)
            return
        }
        let added = unsafe waiter.node
        unsafe added.pointee.isQueued = true
        unsafe added.pointee.next = node
        unsafe added.pointee.previous = node.pointee.previous
        if let previous = unsafe node.pointee.previous {
            unsafe previous.pointee.next = added
        } else {
            unsafe head = unsafe added
        }
        unsafe node.pointee.previous = added
    }

    /// Adds a waiter before the others.
    public mutating func prepend(_ waiter: Waiter) { insert(waiter) { _ in true } }
}
