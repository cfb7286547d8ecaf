import CBenchSupport

/// What goes through a priority queue: for each item that comes out, one goes in that is a random
/// step larger. So the queue stays as deep, and new items end up at any place in it.
public struct PriorityItems {
    public static let depth = 1_000
    public static let rounds = 3_000_000

    @usableFromInline var random: UInt64 = 0x9E37_79B9_7F4A_7C15
    @usableFromInline var last = 0

    @inlinable
    public init() {}

    /// An item that is there from the start.
    @inlinable
    public mutating func initial() -> Int { step() }

    /// The item to go in after `item` came out.
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
