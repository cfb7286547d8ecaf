import CBenchSupport
import Foundation
import MicroSupport
import Plait

/// Passes items from one fiber to another of the same hub; nanoseconds for each item.
func queueBetweenFibers(capacity: Int, items: Int) throws -> Figure {
    try inFiber {
        let queue = Queue<Int>(capacity: capacity)
        let putting = spawn(.fiber) { for item in 0..<items { try queue.put(item) } }
        let figure = try time(items) {
            for expected in 0..<items {
                guard try queue.get() == expected else { throw WrongItem() }
            }
        }
        try putting.join()
        return figure
    }
}

/// Passes items from `pairs` threads to as many others; nanoseconds for each item.
func queueBetweenThreads(capacity: Int, pairs: Int, items: Int) throws -> Figure {
    let queue = Queue<Int>(capacity: capacity)
    let share = items / pairs
    return try time(share * pairs) {
        let putting = (0..<pairs).map { _ in
            spawn(.thread) { for item in 0..<share { try queue.put(item) } }
        }
        let getting = (0..<pairs).map { _ in
            spawn(.thread) {
                var sum = 0
                for _ in 0..<share { sum &+= try queue.get() }
                return sum
            }
        }
        for thread in putting { try thread.join() }
        let sum = try getting.reduce(0) { try $0 + $1.join() }
        guard sum == pairs * share * (share - 1) / 2 else { throw WrongItem() }
    }
}

/// Milliseconds of processor time that the whole program uses in a second in which a thread waits for
/// an item.
func idleQueue() throws -> Figure {
    let queue = Queue<Int>(capacity: 1)
    let begun = Event()
    let getting = spawn(.thread) {
        begun.set()
        return try queue.get()
    }
    try begun.wait()
    let before = bench_process_cpu_ns(getpid())
    Thread.sleep(forTimeInterval: 1)
    let after = bench_process_cpu_ns(getpid())
    try queue.put(7)
    guard try getting.join() == 7 else { throw WrongItem() }
    return .value(Double(after - before) / 1e6)
}

/// Takes an item out of a queue of a thousand and puts one in; nanoseconds for both.
func priorityQueue() throws -> Figure {
    var items = PriorityItems()
    let queue = PriorityQueue<Int>(capacity: PriorityItems.depth)
    while try queue.tryPut(items.initial()) {}
    func run(_ count: Int) throws {
        for _ in 0..<count {
            guard let item = try queue.tryGet(), try queue.tryPut(items.following(item)) else {
                throw WrongItem()
            }
        }
    }
    try run(PriorityItems.rounds / 10)
    return try time(PriorityItems.rounds) { try run(PriorityItems.rounds) }
}
