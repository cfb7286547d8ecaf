import PlaitPlatform
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct QueueConformance {
    // QU-001
    @Test(arguments: WaiterKind.pairs)
    func `a getter that waits gets what another puts`(
        _ putter: WaiterKind, _ getter: WaiterKind
    ) async throws {
        let queue = Queue<String>(capacity: 1)
        let getting = getter.start({ try queue.get() }, task: { try await queue.get() })
        try await getting.untilParked()
        try await putter.start({ try queue.put("item") }, task: { try await queue.put("item") })
            .value()
        #expect(try await getting.value() == "item")
        #expect(queue.isEmpty)
    }

    // QU-001
    @Test(arguments: WaiterKind.pairs)
    func `a putter that waits goes on when another gets`(
        _ putter: WaiterKind, _ getter: WaiterKind
    ) async throws {
        let queue = Queue<Int>(capacity: 1)
        #expect(try queue.tryPut(1))
        let putting = putter.start({ try queue.put(2) }, task: { try await queue.put(2) })
        try await putting.untilParked()
        let getting = getter.start({ try queue.get() }, task: { try await queue.get() })
        #expect(try await getting.value() == 1)
        try await putting.value()
        #expect(try queue.tryGet() == 2)
    }

    @Test(arguments: WaiterKind.pairs)
    func `a cancelled getter does not swallow the next item`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let queue = Queue<Int>(capacity: 1)
        let first = cancelled.start({ try queue.get() }, task: { try await queue.get() })
        try await first.untilParked()
        let second = patient.start({ try queue.get() }, task: { try await queue.get() })
        try await second.untilParked()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value() }
        try await queue.put(7)
        #expect(try await second.value() == 7)
    }

    @Test(arguments: WaiterKind.pairs)
    func `a cancelled putter leaves its item out, and its place to the next`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let queue = Queue<Int>(capacity: 1)
        #expect(try queue.tryPut(1))
        let first = cancelled.start({ try queue.put(2) }, task: { try await queue.put(2) })
        try await first.untilParked()
        let second = patient.start({ try queue.put(3) }, task: { try await queue.put(3) })
        try await second.untilParked()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value() }
        #expect(try queue.tryGet() == 1)
        try await second.value()
        #expect(try queue.tryGet() == 3)
        #expect(try queue.tryGet() == nil)
    }

    @Test(arguments: WaiterKind.allCases)
    func `a getter that timed out does not swallow the next item`(
        _ kind: WaiterKind
    ) async throws {
        let queue = Queue<Int>(capacity: 1)
        let getting = kind.start(
            { try queue.get(within: .milliseconds(1)) },
            task: { try await queue.get(within: .milliseconds(1)) })
        await #expect(throws: TimedOut.self) { try await getting.value() }
        #expect(try queue.tryPut(1))
        #expect(queue.count == 1)
    }

    // QU-019
    @Test(arguments: WaiterKind.pairs)
    func `one feeder and one consumer keep the order`(
        _ feeder: WaiterKind, _ consumer: WaiterKind
    ) async throws {
        let queue = Queue<Int>(capacity: 3)
        let feeding = feeder.start(
            { for item in 0..<100 { try queue.put(item) } },
            task: { for item in 0..<100 { try await queue.put(item) } })
        let consuming = consumer.start(
            { try (0..<100).map { _ in try queue.get() } },
            task: {
                var items: [Int] = []
                for _ in 0..<100 { items.append(try await queue.get()) }
                return items
            })
        try await feeding.value()
        #expect(try await consuming.value() == Array(0..<100))
    }
}
