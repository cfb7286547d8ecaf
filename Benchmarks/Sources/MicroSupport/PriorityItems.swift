import CBenchSupport

/// The items for a priority queue. For each item that comes out, one goes in that is larger by a
/// random step. So the queue keeps its depth, and new items land at any place in it.
public struct PriorityItems {
    public static let depth = 1_000
    public static let rounds = 3_000_000

    @usableFromInline var random: UInt64 = 0x9E37_79B9_7F4A_7C15
    @usableFromInline var last = 0

    @inlinable
    public init() {}

    /// An item that is in the queue at the start.
    @inlinable
    public mutating func initial() -> Int { step() }

    /// The item that goes in after `item` came out.
    /// - Throws: `WrongItem` if that was not the smallest.
    @inlinable
    public mutating func following(_ item: Int) throws -> Int {
        guard item >= last else { throw WrongItem() }
        last = item
        return item + step()
    }

    @inlinable
    mutating func step() -> Int {
        random = bench_next_random(random)
        return Int(random >> 44)
    }
}
