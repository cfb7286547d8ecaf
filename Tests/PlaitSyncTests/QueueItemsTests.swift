import PlaitParking
import PlaitStrands
@testable import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct QueueItemsTests {
    @Test func `a loop takes items one by one, and gives up none it did not take`() async throws {
        let queue = Queue<Int>(Array(0..<10), capacity: 10)
        let taken = try await onThread {
            var items: [Int] = []
            for item in queue.items {
                items.append(item)
                if items.count == 3 { break }
            }
            return items
        }
        #expect(taken == [0, 1, 2])
        #expect(queue.count == 7)
        for await item in queue.items where item == 5 { break }
        #expect(queue.count == 4)
    }

    @Test func `nil is an item, not the end`() async throws {
        let queue = Queue<Int?>([1, nil, 3], capacity: 3)
        queue.shutDown()
        var items: [Int?] = []
        for await item in queue.items { items.append(item) }
        #expect(items == [1, nil, 3])
        let again = Queue<Int?>([nil, 2], capacity: 2)
        again.shutDown()
        #expect(try await onThread { Array(again.items) } == [nil, 2])
    }

    @Test func `a loop is over at once after an immediate shut down`() async throws {
        let queue = Queue<Int>([1, 2], capacity: 2)
        queue.shutDown(immediately: true)
        for await item in queue.items { Issue.record("got \(item)") }
        #expect(try await onThread { queue.items.reduce(0, +) } == 0)
    }

    @Test func `it follows the queue's order`() async throws {
        let queue = PriorityQueue<Int>([3, 1, 2], capacity: 3)
        queue.shutDown()
        var items: [Int] = []
        for await item in queue.items { items.append(item) }
        #expect(items == [1, 2, 3])
    }

    @Test func `a fiber that loops lets others run meanwhile`() async throws {
        let queue = Queue<Int>(capacity: 1)
        let sum = try await onThread {
            let consumer = spawn(.fiber) { queue.items.reduce(0, +) }
            let producer = spawn(.fiber) {
                for item in 1...100 { try queue.put(item) }
                queue.shutDown()
            }
            try producer.join()
            return try consumer.join()
        }
        #expect(sum == 5_050)
    }

    @Test func `a failing storage ends the loop`() async throws {
        struct Refusing: QueueStorage {
            struct Refused: Error {}
            var count: Int { 1 }
            mutating func push(_ item: Int) {}
            mutating func pop() throws -> Int { throw Refused() }
            func peek() -> Int { 0 }
        }
        let queue = BlockingQueue(capacity: 1, storage: Refusing())
        for await _ in queue.items { Issue.record("it has none") }
        #expect(try await onThread { Array(queue.items) }.isEmpty)
    }
}
