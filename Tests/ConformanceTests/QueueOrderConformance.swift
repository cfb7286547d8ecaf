import PlaitPlatform
import PlaitSync
import Testing
import TestSupport

/// In which order items come out, and what a queue says of itself.
@Suite(.timeLimit(.hang))
struct QueueOrderConformance {
    // QU-001, AS-162, AS-163, AS-167, AS-168, AS-172, AS-174, AS-180, GV-208
    @Test(arguments: QueueKind.withWaiters)
    func `items come out in the queue's order; nothing waits that need not`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 3)
        let items = [332, 111, 222]
        @Sendable func check() throws {
            #expect(queue.isEmpty && !queue.isFull && queue.count == 0)
            #expect(try queue.tryGet() == nil)
            for item in items {
                #expect(!queue.isFull)
                #expect(try queue.tryPut(item))
                #expect(!queue.isEmpty)
            }
            #expect(queue.isFull && queue.count == 3)
            #expect(try !queue.tryPut(9))
            #expect(try queue.tryPeek() == queueKind.order(items)[0])
            #expect(try queue.drain() == queueKind.order(items))
            #expect(queue.isEmpty)
        }
        try await kind.start {
            try check()
        } task: {
            try check()
        }.value()
    }

    // QU-001, AS-168, AS-174, GV-208
    @Test(arguments: QueueKind.withWaiters)
    func `a get past its limit is empty, a put is full, and neither changes the queue`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        for limit in [Duration.zero, .milliseconds(1)] {
            let queue = queueKind.make(capacity: 1)
            let getting = kind.start(
                { try queue.get(within: limit) }, task: { try await queue.get(within: limit) })
            await #expect(throws: TimedOut.self) { try await getting.value() }
            #expect(try queue.tryPut(1))
            let putting = kind.start(
                { try queue.put(2, within: limit) }, task: { try await queue.put(2, within: limit) }
            )
            #expect(try await !putting.value())
            #expect(try queue.drain() == [1])
        }
    }

    @Test(arguments: QueueKind.withWaiters)
    func `a limit below zero tries once, as zero does`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 1)
        let late = Duration.seconds(-1)
        let first = kind.start(
            { try queue.put(1, within: late) }, task: { try await queue.put(1, within: late) })
        #expect(try await first.value())
        let putting = kind.start(
            { try queue.put(2, within: late) }, task: { try await queue.put(2, within: late) })
        #expect(try await !putting.value())
        let getting = kind.start(
            { try queue.get(within: late) }, task: { try await queue.get(within: late) })
        #expect(try await getting.value() == 1)
        let again = kind.start(
            { try queue.get(within: late) }, task: { try await queue.get(within: late) })
        await #expect(throws: TimedOut.self) { try await again.value() }
    }

    // GV-209
    @Test(arguments: QueueKind.allCases)
    func `what is in it from the start comes out in the queue's order too`(
        _ queueKind: QueueKind
    ) throws {
        let items = [3, 1, 2, 1, 5]
        #expect(try queueKind.make(items, capacity: 5).drain() == queueKind.order(items))
        #expect(try queueKind.makeUnbounded(items).drain() == queueKind.order(items))
        let crowded = queueKind.make(items, capacity: 2)
        #expect(crowded.isFull && crowded.count == 5)
        #expect(try !crowded.tryPut(0))
        #expect(try crowded.drain() == queueKind.order(items))
    }

    // AS-180
    @Test func `equal priorities come out oldest first`() async throws {
        let queue = PriorityQueue<Prioritized<String, Int>>(capacity: 8)
        for (value, priority) in [("b1", 2), ("a1", 1), ("b2", 2), ("c1", 3), ("a2", 1), ("b3", 2)]
        {
            try await queue.put(Prioritized(value, priority: priority))
        }
        var values: [String] = []
        while let item = try queue.tryGet() { values.append(item.value) }
        #expect(values == ["a1", "a2", "b1", "b2", "b3", "c1"])
    }

    // EV-020, GV-070
    @Test(arguments: WaiterKind.pairs)
    func `put first, got later; a look leaves it there`(
        _ putter: WaiterKind, _ getter: WaiterKind
    ) async throws {
        for queueKind in QueueKind.allCases {
            let queue = queueKind.make(capacity: 2)
            try await putter.start({ try queue.put(7) }, task: { try await queue.put(7) }).value()
            let looking = getter.start({ try queue.peek() }, task: { try await queue.peek() })
            #expect(try await looking.value() == 7)
            #expect(queue.count == 1)
            let getting = getter.start({ try queue.get() }, task: { try await queue.get() })
            #expect(try await getting.value() == 7)
            #expect(queue.isEmpty)
        }
    }

    // EV-032, EV-033, GV-064, GV-068
    @Test(arguments: QueueKind.allCases)
    func `a callback of the loop, which must not wait, can put and get`(
        _ queueKind: QueueKind
    ) async throws {
        let queue = queueKind.make(capacity: 1)
        let hub = SharedHubs.first
        let puts = await hub.answer { [try? queue.tryPut(1), try? queue.tryPut(2)] }
        #expect(puts == [true, false])
        let gets = await hub.answer { [try? queue.tryGet(), try? queue.tryGet()] }
        #expect(gets == [1, nil])
    }

    // EV-034
    @Test(arguments: QueueKind.withWaiters)
    func `a get in a callback of the loop lets a putter go on`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 1)
        try await queue.put(1)
        let putting = kind.start({ try queue.put(2) }, task: { try await queue.put(2) })
        try await putting.untilParked()
        #expect(await SharedHubs.second.answer { try? queue.tryGet() } == 1)
        try await putting.value()
        #expect(try queue.drain() == [2])
    }

    // EV-035, GV-065
    @Test(arguments: QueueKind.withWaiters)
    func `a put in a callback of the loop goes to a getter`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 1)
        let getting = kind.start({ try queue.get() }, task: { try await queue.get() })
        try await getting.untilParked()
        #expect(await SharedHubs.second.answer { try? queue.tryPut(5) } == true)
        #expect(try await getting.value() == 5)
        #expect(queue.isEmpty)
    }

    // GV-069
    @Test(arguments: QueueKind.withWaiters)
    func `a try gets what a strand has put meanwhile`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 1)
        #expect(try queue.tryGet() == nil)
        try await kind.start({ try queue.put(3) }, task: { try await queue.put(3) }).value()
        #expect(try queue.tryGet() == 3)
    }

    // GV-075
    @Test(arguments: QueueKind.withWaiters)
    func `an item outlives the strand that put it`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 1)
        let sender = kind.start({ try queue.put(4) }, task: { try await queue.put(4) })
        try await sender.value()
        sender.cancel()
        #expect(try await queue.get() == 4)
    }

    // AS-160, AS-161
    @Test func `a queue says how full it is`() async throws {
        let queue = Queue<Int>(capacity: 8)
        try await queue.put(1)
        try await queue.put(2)
        #expect("\(queue)".hasPrefix("Queue(2 of 8 items, "))
        queue.shutDown()
        #expect("\(queue)".hasPrefix("Queue(2 of 8 items, shut down, "))
        #expect("\(LifoQueue<Int>.unbounded([1]))".hasPrefix("Queue(1 items, "))
    }
}
