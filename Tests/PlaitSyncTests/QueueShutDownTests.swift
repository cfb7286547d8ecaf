import PlaitParking
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct QueueShutDownTests {
    // QU-004
    @Test func `an empty queue that was shut down refuses all`() async throws {
        let queue = Queue<Int>(capacity: 2)
        #expect(!queue.isShutDown)
        queue.shutDown()
        #expect(queue.isShutDown)
        #expect(throws: QueueError.shutDown) { try queue.tryPut(1) }
        #expect(throws: QueueError.shutDown) { try queue.tryGet() }
        await #expect(throws: QueueError.shutDown) { try await queue.put(1) }
        await #expect(throws: QueueError.shutDown) { try await queue.get() }
        try await onThread {
            #expect(throws: QueueError.shutDown) { try queue.put(1) }
            #expect(throws: QueueError.shutDown) { try queue.get(within: .milliseconds(1)) }
        }
    }

    // QU-005
    @Test func `what is there can still be got`() async throws {
        let queue = Queue<Int>(capacity: 2)
        #expect(try queue.tryPut(1))
        #expect(try queue.tryPut(2))
        queue.shutDown()
        await #expect(throws: QueueError.shutDown) { try await queue.put(3) }
        #expect(try await queue.get() == 1)
        #expect(try await onThread { try queue.get() } == 2)
        await #expect(throws: QueueError.shutDown) { try await queue.get() }
    }

    // QU-006, QU-011
    @Test func `shut down immediately, what is there is dropped`() async throws {
        let queue = Queue<Int>(capacity: 2)
        #expect(try queue.tryPut(1))
        #expect(try queue.tryPut(2))
        queue.shutDown(immediately: true)
        #expect(queue.isEmpty)
        for kind in WaiterKind.allCases {
            let getter = kind.start({ try queue.get() }, task: { try await queue.get() })
            await #expect(throws: QueueError.shutDown) { try await getter.value() }
        }
    }

    @Test(arguments: [false, true])
    func `getters that wait are let go`(_ immediately: Bool) async throws {
        let queue = Queue<Int>(capacity: 1)
        let getters = WaiterKind.allCases.map { kind in
            kind.start({ try queue.get() }, task: { try await queue.get() })
        }
        for getter in getters { try await getter.untilParked() }
        queue.shutDown(immediately: immediately)
        for getter in getters {
            await #expect(throws: QueueError.shutDown) { try await getter.value() }
        }
    }

    // QU-012, QU-013
    @Test(arguments: [false, true])
    func `putters that wait are let go, and their items not put`(_ immediately: Bool) async throws {
        let queue = Queue<Int>(capacity: 1)
        #expect(try queue.tryPut(0))
        let putters = WaiterKind.allCases.map { kind in
            kind.start({ try queue.put(1) }, task: { try await queue.put(1) })
        }
        for putter in putters { try await putter.untilParked() }
        queue.shutDown(immediately: immediately)
        for putter in putters {
            await #expect(throws: QueueError.shutDown) { try await putter.value() }
        }
        #expect(queue.count == (immediately ? 0 : 1))
        if !immediately { #expect(try queue.tryGet() == 0) }
        #expect(throws: QueueError.shutDown) { try queue.tryGet() }
    }

    // QU-009
    @Test(arguments: [false, true])
    func `a shut down in the middle of traffic lets everyone end`(_ immediately: Bool) async throws
    {
        let queue = Queue<Int>(capacity: 3)
        let moved = Box(0)
        let writers = (0..<4).map { number in
            WaiterKind.allCases[number % 3].start(
                { while true { try queue.put(number) } },
                task: { while true { try await queue.put(number) } })
        }
        let readers = (0..<6).map { number in
            WaiterKind.allCases[number % 3].start(
                {
                    while true {
                        _ = try queue.get()
                        moved.update { $0 += 1 }
                    }
                },
                task: {
                    while true {
                        _ = try await queue.get()
                        moved.update { $0 += 1 }
                    }
                })
        }
        try await until { moved.value > 500 }
        queue.shutDown(immediately: immediately)
        for strand in writers + readers {
            await #expect(throws: QueueError.shutDown) { try await strand.value() }
        }
        #expect(queue.isEmpty)
    }

    // QU-023
    @Test func `an item may use its queue when it ends`() async throws {
        final class Item: Sendable {
            let queue: Queue<Item>
            let seen: Box<[Int]>
            init(_ queue: Queue<Item>, _ seen: Box<[Int]>) {
                self.queue = queue
                self.seen = seen
            }
            deinit {
                let count = queue.count
                seen.update { $0.append(count) }
            }
        }
        let seen = Box<[Int]>([])
        try await onThread {
            let queue = Queue<Item>(capacity: 2)
            try queue.put(Item(queue, seen))
            try queue.put(Item(queue, seen))
            #expect(try !queue.put(Item(queue, seen), within: .zero))
            _ = try queue.get()
            try queue.put(Item(queue, seen))
            queue.shutDown(immediately: true)
            #expect(throws: QueueError.shutDown) { try queue.put(Item(queue, seen)) }
        }
        #expect(seen.value == [2, 1, 0, 0, 0])
    }
}
