/// Which strand waits for which lock. The type is pure, so that tests can use plain numbers.
struct WaitGraph<Strand: Hashable, Node> {
    private var waits: [Strand: Node] = [:]

    var count: Int { waits.count }

    subscript(strand: Strand) -> Node? { waits[strand] }

    mutating func begin(_ strand: Strand, on lock: Node) { waits[strand] = lock }
    mutating func end(_ strand: Strand) { waits[strand] = nil }

    /// The circle that the wait of `strand` has closed; nil if there is none. `strand` comes first,
    /// and each member waits for a lock that the next one holds.
    /// - Parameter holders: Returns the holders of the lock for which the given strand waits.
    func circle(
        closedBy strand: Strand, holders: (Strand, Node) -> [Strand]
    ) -> [Strand]? {
        var path: [Strand] = []
        var visited: Set<Strand> = []

        func leadsBack(_ from: Strand) -> Bool {
            guard let lock = waits[from], visited.insert(from).inserted else { return false }
            path.append(from)
            for holder in holders(from, lock)
            where holder == strand || leadsBack(holder) {
                return true
            }
            path.removeLast()
            return false
        }
        return leadsBack(strand) ? path : nil
    }
}
