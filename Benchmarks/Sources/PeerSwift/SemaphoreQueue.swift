import Dispatch
import MicroSupport
import Synchronization

/// A bounded queue in the usual way with Dispatch: two semaphores, an array and a lock.
final class SemaphoreQueue: Sendable {
    private struct Ring {
        var slots: [Int]
        var head = 0
        var count = 0
    }

    private let places: DispatchSemaphore
    private let items = DispatchSemaphore(value: 0)
    private let ring: Mutex<Ring>

    init(capacity: Int) {
        places = DispatchSemaphore(value: capacity)
        ring = Mutex(Ring(slots: Array(repeating: 0, count: capacity)))
    }

    func put(_ item: Int) {
        places.wait()
        ring.withLock { ring in
            var end = ring.head + ring.count
            if end >= ring.slots.count { end -= ring.slots.count }
            ring.slots[end] = item
            ring.count += 1
        }
        items.signal()
    }

    func get() -> Int {
        items.wait()
        let item = ring.withLock { ring in
            let item = ring.slots[ring.head]
            ring.head += 1
            if ring.head == ring.slots.count { ring.head = 0 }
            ring.count -= 1
            return item
        }
        places.signal()
        return item
    }
}

/// Passes items from `pairs` threads to as many others; nanoseconds for each item.
func semaphoreQueue(capacity: Int, pairs: Int, items: Int) throws -> Figure {
    let queue = SemaphoreQueue(capacity: capacity)
    let share = items / pairs
    let total = Total()
    let figure = time(share * pairs) {
        onThreads(2 * pairs) { index in
            if index < pairs {
                for item in 0..<share { queue.put(item) }
            } else {
                var sum = 0
                for _ in 0..<share { sum &+= queue.get() }
                total.sum.add(sum, ordering: .relaxed)
            }
        }
    }
    guard total.sum.load(ordering: .relaxed) == pairs * share * (share - 1) / 2 else {
        throw WrongItem()
    }
    return figure
}

private final class Total: Sendable {
    let sum = Atomic(0)
}
