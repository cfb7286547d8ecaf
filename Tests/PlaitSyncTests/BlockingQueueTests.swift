import PlaitParking
import PlaitPlatform
import PlaitStrands
@testable import PlaitSync
import Testing
import TestSupport

/// How a queue and its ring go together.
@Suite(.timeLimit(.hang))
struct BlockingQueueTests {
    /// Counts its ends, at each of which it may use its queue.
    final class Item: Sendable {
        let ended: Box<Int>
        let atEnd: (@Sendable () -> Void)?
        init(_ ended: Box<Int>, atEnd: (@Sendable () -> Void)? = nil) {
            self.ended = ended
            self.atEnd = atEnd
        }
        deinit {
            ended.update { $0 += 1 }
            atEnd?()
        }
    }

    private func isFast<Element>(_ queue: Queue<Element>) throws -> Bool {
        let ring = try #require(queue.ring)
        return !ring.isTailDiverted && !ring.isHeadDiverted
    }

    // MARK: Positions taken, but not published

    @Test(arguments: WaiterKind.allCases)
    func `a get waits for a push under way rather than miss it`(_ kind: WaiterKind) async throws {
        let queue = Queue<Int>(capacity: 2)
        let ring = try #require(queue.ring)
        let position = try #require(ring.beginPush())
        #expect(queue.count == 1 && queue.unfinishedCount == 1 && !queue.isEmpty)
        let getting = kind.start(
            { try queue.get(within: .zero) },
            task: { try await queue.get(within: .zero) })
        try await until { ring.isHeadDiverted }
        unsafe ring.slot(position).pointee.item = 7
        ring.endPush(position)
        #expect(try await getting.value() == 7)
        #expect(try isFast(queue))
    }

    @Test(arguments: WaiterKind.allCases)
    func `a put waits for a pop under way rather than be refused`(_ kind: WaiterKind) async throws {
        let queue = Queue<Int>([1, 2], capacity: 2)
        let ring = try #require(queue.ring)
        let position = try #require(ring.beginPop())
        #expect(queue.count == 1 && !queue.isFull)
        let putting = kind.start(
            { try queue.put(3, within: .zero) },
            task: { try await queue.put(3, within: .zero) })
        try await until { ring.isTailDiverted }
        #expect(unsafe ring.slot(position).pointee.item.take() == 1)
        ring.endPop(position)
        #expect(try await putting.value())
        #expect(try queue.tryGet() == 2)
        #expect(try queue.tryGet() == 3)
        #expect(try isFast(queue))
    }

    @Test func `a shut down waits for a push under way and drops it`() async throws {
        let ended = Box(0)
        let queue = Queue<Item>(capacity: 2)
        let ring = try #require(queue.ring)
        let position = try #require(ring.beginPush())
        let ending = WaiterKind.thread.start({ queue.shutDown(immediately: true) }, task: {})
        try await until { ring.isHeadDiverted }
        unsafe ring.slot(position).pointee.item = Item(ended)
        ring.endPush(position)
        try await ending.value()
        #expect(ended.value == 1 && queue.isEmpty && queue.unfinishedCount == 0)
    }

    @Test func `a look waits for a push under way`() async throws {
        let queue = Queue<Int>(capacity: 2)
        let ring = try #require(queue.ring)
        let position = try #require(ring.beginPush())
        let peeking = WaiterKind.thread.start({ try queue.tryPeek() }, task: { nil })
        try await until { ring.isHeadDiverted }
        unsafe ring.slot(position).pointee.item = 7
        ring.endPush(position)
        #expect(try await peeking.value() == 7)
        #expect(queue.count == 1)
    }

    // MARK: Fast and slow

    // AS-170, AS-178
    @Test(arguments: WaiterKind.allCases)
    func `one who gives up is taken off the list, and the ring serves alone again`(
        _ kind: WaiterKind
    ) async throws {
        let queue = Queue<Int>(capacity: 1)
        let getting = kind.start({ try queue.get() }, task: { try await queue.get() })
        try await getting.untilParked()
        #expect(queue.withState { !$0.getters.isEmpty })
        #expect(try !isFast(queue))
        getting.cancel()
        await #expect(throws: CancellationError.self) { try await getting.value() }
        let timed = kind.start(
            { try queue.get(within: .milliseconds(1)) },
            task: { try await queue.get(within: .milliseconds(1)) })
        await #expect(throws: TimedOut.self) { try await timed.value() }
        #expect(queue.withState { $0.getters.isEmpty })
        #expect(try isFast(queue))

        #expect(try queue.tryPut(1))
        let putting = kind.start({ try queue.put(2) }, task: { try await queue.put(2) })
        try await putting.untilParked()
        #expect(queue.withState { !$0.putters.isEmpty })
        putting.cancel()
        await #expect(throws: CancellationError.self) { try await putting.value() }
        let late = kind.start(
            { try queue.put(2, within: .milliseconds(1)) },
            task: { try await queue.put(2, within: .milliseconds(1)) })
        #expect(try await !late.value())
        #expect(queue.withState { $0.putters.isEmpty })
        #expect(try isFast(queue))
    }

    @Test func `after a hand-over the ring serves alone again with the next slow step`()
        async throws
    {
        let queue = Queue<Int>(capacity: 2)
        let getting = WaiterKind.thread.start({ try queue.get() }, task: { 0 })
        try await getting.untilParked()
        #expect(try queue.tryPut(1))
        #expect(try await getting.value() == 1)
        #expect(try !isFast(queue))
        #expect(try queue.tryPut(2))
        #expect(try isFast(queue))
        #expect(try queue.tryGet() == 2)
    }

    @Test func `a shut down queue never serves without its lock`() throws {
        let queue = Queue<Int>([1, 2], capacity: 2)
        queue.shutDown()
        #expect(try queue.tryGet() == 1)
        #expect(try queue.tryGet() == 2)
        #expect(throws: QueueError.shutDown) { try queue.tryGet() }
        #expect(try !isFast(queue))
    }

    // MARK: Beyond the ring

    @Test func `a hundred thousand items go behind the ring and come back in order`() throws {
        let queue = Queue<Int>.unbounded()
        let slots = try #require(queue.ring).slotCount
        for round in 0..<2 {
            for item in 0..<100_000 { #expect(try queue.tryPut(item)) }
            #expect(queue.count == 100_000)
            #expect(try !isFast(queue))
            for item in 0..<100_000 {
                #expect(try queue.tryGet() == item)
                #expect(try isFast(queue) == (100_000 - item - 1 <= slots))
            }
            #expect(queue.isEmpty)
            #expect(queue.unfinishedCount == (round + 1) * 100_000)
        }
    }

    @Test(arguments: [1_023, 1_024, 1_025, 5_000])
    func `a capacity at and beyond the ring's slots is kept`(_ capacity: Int) throws {
        let queue = Queue<Int>(capacity: capacity)
        for item in 0..<capacity { #expect(try queue.tryPut(item)) }
        #expect(queue.isFull)
        #expect(try !queue.tryPut(-1))
        // Round and round at the limit.
        for item in 0..<2_000 {
            #expect(try queue.tryGet() == item)
            #expect(!queue.isFull)
            #expect(try queue.tryPut(capacity + item))
            #expect(try !queue.tryPut(-1))
        }
        for item in 0..<capacity { #expect(try queue.tryGet() == 2_000 + item) }
        #expect(queue.isEmpty)
        #expect(try isFast(queue))
    }

    @Test func `more items from the start than the ring has slots are all there`() throws {
        for count in [1_024, 1_025, 3_000] {
            let queue = Queue(Array(0..<count), capacity: 2)
            #expect(queue.count == count && queue.isFull && queue.unfinishedCount == count)
            #expect(try !queue.tryPut(-1))
            for item in 0..<count { #expect(try queue.tryGet() == item) }
            #expect(queue.isEmpty)
            #expect(try queue.tryPut(1))
        }
    }

    @Test(arguments: WaiterKind.allCases)
    func `a putter waits behind an overflow too, in its turn`(_ kind: WaiterKind) async throws {
        let queue = Queue<Int>(Array(0..<1_500), capacity: 1_500)
        let putting = kind.start({ try queue.put(1_500) }, task: { try await queue.put(1_500) })
        try await putting.untilParked()
        for item in 0...1_500 { #expect(try queue.tryGet() == item) }
        try await putting.value()
        #expect(queue.isEmpty)
    }

    // MARK: Another capacity

    @Test(arguments: WaiterKind.allCases)
    func `growing beyond the ring's slots takes in who waits, in order`(
        _ kind: WaiterKind
    ) async throws {
        let queue = Queue<Int>([0], capacity: 1)
        #expect(try #require(queue.ring).slotCount == 2)
        var putters: [Started<Void>] = []
        for item in 1...4 {
            putters.append(kind.start({ try queue.put(item) }, task: { try await queue.put(item) }))
            try await putters[item - 1].untilParked()
        }
        queue.capacity = 4
        for putter in putters.prefix(3) { try await putter.value() }
        #expect(queue.count == 4 && queue.isFull)
        queue.capacity = 1_000
        try await putters[3].value()
        for item in 5..<1_000 { #expect(try queue.tryPut(item)) }
        #expect(try !queue.tryPut(-1))
        for item in 0..<1_000 { #expect(try queue.tryGet() == item) }
        #expect(try isFast(queue))
    }

    @Test func `another capacity while getters wait does not disturb them`() async throws {
        let queue = Queue<Int>(capacity: 4)
        let getting = WaiterKind.fiber.start({ try queue.get() }, task: { 0 })
        try await getting.untilParked()
        queue.capacity = 1
        #expect(try !isFast(queue))
        queue.capacity = 3
        #expect(try queue.tryPut(1))
        #expect(try await getting.value() == 1)
        for item in 0..<3 { #expect(try queue.tryPut(item)) }
        #expect(try !queue.tryPut(3))
    }

    @Test(arguments: [0, -5])
    func `another capacity below one traps`(_ capacity: Int) async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) { [capacity] in
            let queue = Queue<Int>(capacity: 1)
            queue.capacity = capacity
        }
        let message = text(try #require(result).standardErrorContent)
        #expect(message.contains("a queue needs a capacity of at least 1, not \(capacity)"))
    }

    // MARK: Items that end

    @Test func `each item ends once, wherever it lies when its queue ends`() async throws {
        let ended = Box(0)
        do {
            let queue = Queue<Item>(capacity: 3_000)
            for _ in 0..<2_000 { #expect(try queue.tryPut(Item(ended))) }
            for _ in 0..<500 { #expect(try queue.tryGet() != nil) }
            #expect(ended.value == 500)
            queue.capacity = 1
            #expect(try !queue.tryPut(Item(ended)))
            #expect(ended.value == 501)
            for kind in WaiterKind.allCases {
                let putting = kind.start(
                    { try queue.put(Item(ended), within: .milliseconds(1)) },
                    task: { try await queue.put(Item(ended), within: .milliseconds(1)) })
                #expect(try await !putting.value())
            }
            #expect(ended.value == 504)
        }
        #expect(ended.value == 2_004)
    }

    // QU-023
    @Test func `an item that ends may put, get and ask in its own queue`() async throws {
        let ended = Box(0)
        let uses = Box(0)
        for kind in QueueKind.allCases {
            let other = kind.make(capacity: 100)
            let queue = Queue<Item>(capacity: 2)
            let atEnd: @Sendable () -> Void = { [unowned queue] in
                _ = try? queue.tryPut(Item(ended))
                _ = try? other.tryPut(queue.count)
                _ = try? queue.tryGet()
                uses.update { $0 += 1 }
            }
            try await onThread {
                // Refused, got and dropped, dropped by a shut down.
                for _ in 0..<3 { _ = try queue.tryPut(Item(ended, atEnd: atEnd)) }
                _ = try queue.get()
                for _ in 0..<3 { _ = try queue.tryPut(Item(ended, atEnd: atEnd)) }
                queue.shutDown(immediately: true)
                #expect(throws: QueueError.shutDown) { try queue.put(Item(ended, atEnd: atEnd)) }
            }
            #expect(other.count == uses.value)
            uses.set(0)
        }
        #expect(ended.value > 0)
    }

    // QU-023
    @Test(arguments: WaiterKind.allCases)
    func `arrays of items that were dropped end outside the lock`(_ kind: WaiterKind) async throws {
        let ended = Box(0)
        let queue = Queue<[Item]>(capacity: 1)
        let atEnd: @Sendable () -> Void = { [unowned queue] in _ = queue.count }
        #expect(try queue.tryPut([Item(ended, atEnd: atEnd)]))
        let putting = kind.start(
            { try queue.put([Item(ended, atEnd: atEnd)]) },
            task: { try await queue.put([Item(ended, atEnd: atEnd)]) })
        try await putting.untilParked()
        queue.shutDown(immediately: true)
        await #expect(throws: QueueError.shutDown) { try await putting.value() }
        #expect(ended.value == 2)
    }
}

extension BlockingQueue {
    /// Looks at the state, under the lock.
    func withState<Result>(_ body: (QueueState<Storage, WaitQueue>) -> Result) -> Result {
        guardLock.withLock { body(state) }
    }
}

extension Ring: @unchecked Sendable {
    // Sendable: what is not atomic is guarded by the slots' stamps, or by the queue's lock.
}
