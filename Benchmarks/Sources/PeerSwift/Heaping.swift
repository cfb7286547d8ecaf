import HeapModule
import MicroSupport

/// The heap of swift-collections with the same items as Plait's priority queue, without a lock and
/// without an order among equal items; nanoseconds for one out and one in.
func heap() throws -> Figure {
    var items = PriorityItems()
    var heap = Heap<Int>()
    for _ in 0..<PriorityItems.depth { heap.insert(items.initial()) }
    func run(_ count: Int) throws {
        for _ in 0..<count {
            heap.insert(try items.following(heap.removeMin()))
        }
    }
    try run(PriorityItems.rounds / 10)
    return try time(PriorityItems.rounds) { try run(PriorityItems.rounds) }
}
