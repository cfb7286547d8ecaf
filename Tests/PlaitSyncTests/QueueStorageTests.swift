@testable import PlaitSync
import Testing
import TestSupport

struct QueueStorageTests {
    /// Numbered, but equal to all others of its weight.
    struct Weight: Comparable {
        let weight: Int
        let number: Int
        static func < (left: Weight, right: Weight) -> Bool { left.weight < right.weight }
        static func == (left: Weight, right: Weight) -> Bool { left.weight == right.weight }
    }

    @Test func `the youngest comes first`() {
        var storage = LastInFirstOut([1, 2])
        storage.push(3)
        #expect(storage.count == 3 && storage.peek() == 3)
        #expect([storage.pop(), storage.pop(), storage.pop()] == [3, 2, 1])
        #expect(storage.count == 0)
    }

    @Test func `the smallest comes first, the oldest among equals`() {
        var random = SeededGenerator(seed: 7)
        var storage = SmallestFirst(
            (0..<100).map { Weight(weight: Int.random(in: 0..<5, using: &random), number: $0) })
        for number in 100..<200 {
            if number % 3 == 0 { _ = storage.pop() }
            storage.push(Weight(weight: Int.random(in: 0..<5, using: &random), number: number))
        }
        var last = Weight(weight: -1, number: -1)
        while storage.count > 0 {
            let next = storage.peek()
            let item = storage.pop()
            #expect(item.number == next.number)
            #expect(
                item.weight > last.weight
                    || item.weight == last.weight && item.number > last.number)
            last = item
        }
    }

    @Test func `the oldest comes first, in the ring or behind it`() {
        let ring = Ring<Int>(limit: 100, slotLimit: 4)
        defer { ring.deallocate() }
        var storage = FirstInFirstOut(ring: ring)
        ring.divertTail()
        ring.divertHead()
        var (pushed, popped) = (0, 0)
        for round in 0..<30 {
            for _ in 0..<(round % 7) {
                storage.push(pushed)
                pushed += 1
            }
            #expect(storage.count == pushed - popped)
            #expect(storage.overflow.isEmpty || ring.count == ring.slotCount)
            for _ in 0..<min(round % 5, storage.count) {
                #expect(storage.peek() == popped)
                #expect(storage.pop() == popped)
                popped += 1
            }
        }
        while storage.count > 0 {
            #expect(storage.pop() == popped)
            popped += 1
        }
        #expect(popped == pushed && storage.overflow.isEmpty)
    }

    @Test func `a priority orders values that are not comparable`() {
        let items = [Prioritized("b", priority: 2), Prioritized("a", priority: 1)]
        #expect(items.min()?.value == "a")
        #expect(Prioritized("x", priority: 1) == Prioritized("y", priority: 1))
        #expect(items[1] < items[0])
    }

    @Test func `only orders that give back what was put alone pass items by`() {
        struct Own: QueueStorage {
            var count: Int { 0 }
            mutating func push(_ item: Int) {}
            mutating func pop() -> Int { 0 }
            func peek() -> Int { 0 }
        }
        #expect(!Own.passesThrough)
        #expect(FirstInFirstOut<Int>.passesThrough && LastInFirstOut<Int>.passesThrough)
        #expect(SmallestFirst<Int>.passesThrough)
    }

    @Test(arguments: WaiterKind.allCases)
    func `a storage that drops what it has already leaves its getters waiting`(
        _ kind: WaiterKind
    ) async throws {
        /// Takes each number once.
        struct Once: QueueStorage {
            var seen: Set<Int> = []
            var items: [Int] = []
            var count: Int { items.count }
            mutating func push(_ item: Int) {
                if seen.insert(item).inserted { items.append(item) }
            }
            mutating func pop() -> Int { items.removeFirst() }
            func peek() -> Int { items[0] }
        }
        let queue = BlockingQueue(capacity: 4, storage: Once())
        #expect(try queue.tryPut(1))
        #expect(try queue.tryGet() == 1)
        let getting = kind.start({ try queue.get() }, task: { try await queue.get() })
        try await getting.untilParked()
        try await queue.put(1)
        try await queue.put(2)
        #expect(try await getting.value() == 2)
    }
}
