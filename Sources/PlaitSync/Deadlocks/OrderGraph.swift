/// The orders in which locks were taken while others were held. The type is pure, so that tests can
/// use plain numbers.
struct OrderGraph<Node: Hashable> {
    /// Locks that were taken while the key was held.
    private var after: [Node: Set<Node>] = [:]

    /// Notes that `second` was taken while `first` was held.
    ///
    /// - Returns: A chain from `second` to `first`, in which each lock was taken while the previous
    ///   one was held. If there is such a chain, the two orders could deadlock. Nil if there is
    ///   none, or if this pair was reported before.
    mutating func add(_ first: Node, before second: Node) -> [Node]? {
        guard first != second, after[first, default: []].insert(second).inserted else {
            return nil
        }
        return path(from: second, to: first)
    }

    private func path(from start: Node, to end: Node) -> [Node]? {
        var cameFrom: [Node: Node] = [:]
        var next = [start]
        while let lock = next.popLast() {
            if lock == end {
                var path = [end]
                while path[0] != start, let before = cameFrom[path[0]] {
                    path.insert(before, at: 0)
                }
                return path
            }
            for follower in after[lock] ?? [] where follower != start {
                if cameFrom.updateValue(lock, forKey: follower) == nil { next.append(follower) }
            }
        }
        return nil
    }

    /// Forgets a lock that does not exist any more.
    mutating func remove(_ lock: Node) {
        after[lock] = nil
        for other in after.keys { after[other]?.remove(lock) }
    }
}
