import Foundation
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

/// How queues read for a client, beside Foundation: loops over items, looks, and names.
@Suite(.timeLimit(.hang))
struct QueueViewConformance {
    /// Newest first, but a storage of the client's own.
    struct Stack: QueueStorage {
        var items: [URL] = []
        var count: Int { items.count }
        mutating func push(_ item: URL) { items.append(item) }
        mutating func pop() -> URL { items.removeLast() }
        func peek() -> URL { items[items.count - 1] }
    }

    @Test func `every queue can be made as it reads`() async throws {
        #expect(Queue<Int>(capacity: 3).capacity == 3)
        #expect(Queue([1, 2], capacity: 3).count == 2)
        #expect(Queue<Int>.unbounded().capacity == .max)
        #expect(Queue<Int>.unbounded([1]).count == 1)
        #expect(LifoQueue<Int>(capacity: 3).capacity == 3)
        #expect(LifoQueue<Int>.unbounded().isEmpty)
        #expect(PriorityQueue<Int>([3, 1], capacity: 3).count == 2)
        #expect(PriorityQueue<Prioritized<String, Int>>.unbounded().isEmpty)

        let jobs = PriorityQueue<Prioritized<String, Int>>(capacity: 8)
        try await jobs.put(Prioritized("later", priority: 2))
        try await jobs.put(Prioritized("now", priority: 1))
        #expect(try await jobs.get().value == "now")

        let pages = BlockingQueue(capacity: 2, storage: Stack())
        try await pages.put(try #require(URL(string: "https://a.example")))
        try await pages.put(try #require(URL(string: "https://b.example")))
        #expect(try pages.tryPeek()?.host() == "b.example")
        #expect(try await pages.get().host() == "b.example")
    }

    /// Not sendable: it moves.
    final class Parcel { var weight = 1 }

    @Test func `an item that is not sendable is sent`() async throws {
        let queue = Queue<Parcel>(capacity: 1)
        let parcel = Parcel()
        parcel.weight = 5
        try await queue.put(parcel)
        let weight = try await onThread {
            let parcel = try queue.get()
            parcel.weight += 1
            return parcel.weight
        }
        #expect(weight == 6)
    }

    @Test(arguments: StrandKind.allCases)
    func `a strand's for loop takes items until the shut down`(_ kind: StrandKind) async throws {
        let queue = Queue<Int>(capacity: 2)
        let consumer = spawn(.thread) {
            try spawnOrRun(kind) {
                var items: [Int] = []
                for item in queue.items { items.append(item) }
                return items
            }
        }
        for item in 0..<20 { try await queue.put(item) }
        queue.shutDown()
        #expect(try await consumer.join() == Array(0..<20))
    }

    @Test func `a task's for await loop takes items until the shut down`() async throws {
        for queueKind in [false, true] {
            let queue = Queue<Int>(queueKind ? [] : [7], capacity: 2)
            let consumer = Task {
                var items: [Int] = []
                for await item in queue.items { items.append(item) }
                return items
            }
            for item in 0..<20 { try await queue.put(item) }
            queue.shutDown()
            #expect(await consumer.value == (queueKind ? [] : [7]) + Array(0..<20))
        }
    }

    @MainActor
    @Test func `an actor loops over a queue of what is not sendable`() async throws {
        let queue = Queue<Parcel>([Parcel(), Parcel()], capacity: 2)
        queue.shutDown()
        var weight = 0
        for await parcel in queue.items { weight += parcel.weight }
        #expect(weight == 2)
    }

    @Test(arguments: WaiterKind.allCases)
    func `a cancellation ends the loop, and takes no item with it`(
        _ kind: WaiterKind
    ) async throws {
        let queue = Queue<Int>(capacity: 2)
        let consumer = kind.start(
            { queue.items.map { $0 } },
            task: {
                var items: [Int] = []
                for await item in queue.items { items.append(item) }
                return items
            })
        try await consumer.untilParked()
        consumer.cancel()
        #expect(try await consumer.value() == [])
        try await queue.put(1)
        #expect(queue.count == 1)
    }

    @Test func `two loops share the items`() async throws {
        let queue = Queue<Int>(capacity: 2)
        let consumers = (0..<2).map { _ in
            Task {
                var items: [Int] = []
                for await item in queue.items { items.append(item) }
                return items
            }
        }
        for item in 0..<100 { try await queue.put(item) }
        queue.shutDown()
        let (first, second) = (await consumers[0].value, await consumers[1].value)
        #expect(first == first.sorted() && second == second.sorted())
        #expect((first + second).sorted() == Array(0..<100))
    }

    // GV-071
    @Test(arguments: QueueKind.withWaiters)
    func `a look past its limit is empty`(_ queueKind: QueueKind, _ kind: WaiterKind) async throws {
        let queue = queueKind.make(capacity: 1)
        #expect(try queue.tryPeek() == nil)
        for limit in [Duration.seconds(-1), .zero, .milliseconds(1)] {
            let peeking = kind.start(
                { try queue.peek(within: limit) }, task: { try await queue.peek(within: limit) })
            await #expect(throws: TimedOut.self) { try await peeking.value() }
        }
    }

    @Test(arguments: QueueKind.withWaiters)
    func `those who look wait for an item, see it, and leave it`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 2)
        let peekers = (0..<2).map { _ in
            kind.start({ try queue.peek() }, task: { try await queue.peek() })
        }
        for peeker in peekers { try await peeker.untilParked() }
        try await queue.put(4)
        for peeker in peekers { #expect(try await peeker.value() == 4) }
        #expect(queue.count == 1)
        // It goes on as before: first the item that is there.
        try await queue.put(4)
        #expect(try queue.drain() == [4, 4])
    }

    @Test(arguments: WaiterKind.pairs)
    func `a getter that waits gets the item past those who look`(
        _ getter: WaiterKind, _ peeker: WaiterKind
    ) async throws {
        let queue = Queue<Int>(capacity: 2)
        let peeking = peeker.start({ try queue.peek() }, task: { try await queue.peek() })
        try await peeking.untilParked()
        let getting = getter.start({ try queue.get() }, task: { try await queue.get() })
        try await getting.untilParked()
        try await queue.put(1)
        #expect(try await getting.value() == 1)
        try await queue.put(2)
        #expect(try await peeking.value() == 2)
        #expect(try queue.tryGet() == 2)
    }
}

/// On a thread's own strand, or on a fiber of it.
private func spawnOrRun<Success: Sendable>(
    _ kind: StrandKind, _ body: @escaping @Sendable () throws -> Success
) throws -> Success {
    kind == .thread ? try body() : try spawn(.fiber) { try body() }.join()
}
