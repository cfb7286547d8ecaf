import PlaitParking
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

/// What `taskDone` counts and `join` waits for.
@Suite(.timeLimit(.hang))
struct QueueJoinConformance {
    // EV-029, GV-082, AS-182, GV-206
    @Test(arguments: QueueKind.withWaiters)
    func `join returns after two workers have done all, again and again`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 4)
        let sum = Box(0)
        let workers = (0..<2).map { _ in
            kind.start(
                {
                    while true {
                        let item = try queue.get()
                        sum.update { $0 += item }
                        queue.taskDone()
                    }
                },
                task: {
                    while true {
                        let item = try await queue.get()
                        sum.update { $0 += item }
                        queue.taskDone()
                    }
                })
        }
        for round in 1...3 {
            for item in 0..<100 { try await queue.put(item) }
            try await kind.start({ try queue.join() }, task: { try await queue.join() }).value()
            #expect(sum.value == round * 99 * 50)
            #expect(queue.unfinishedCount == 0)
        }
        queue.shutDown()
        for worker in workers {
            await #expect(throws: QueueError.shutDown) { try await worker.value() }
        }
    }

    // EV-029, GV-082
    @Test(arguments: QueueKind.withWaiters)
    func `an item is unfinished until it is done, not until it is got`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 2)
        try await queue.put(1)
        try await queue.put(2)
        #expect(queue.unfinishedCount == 2)
        let joining = kind.start({ try queue.join() }, task: { try await queue.join() })
        try await joining.untilParked()
        _ = try queue.drain()
        #expect(queue.unfinishedCount == 2)
        queue.taskDone()
        #expect(queue.unfinishedCount == 1)
        queue.taskDone()
        try await joining.value()
    }

    // EV-030
    @Test(arguments: QueueKind.withWaiters)
    func `join of a queue in which nothing was put returns at once`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 1)
        try await kind.start({ try queue.join() }, task: { try await queue.join() }).value()
        let timed = kind.start(
            { try queue.join(within: .zero) }, task: { try await queue.join(within: .zero) })
        #expect(try await timed.value())
    }

    @Test(arguments: WaiterKind.allCases)
    func `join with nothing to wait for leaves a cancellation to the next wait`(
        _ kind: WaiterKind
    ) async throws {
        let (queue, mayJoin, never) = (Queue<Int>(capacity: 1), Count(), Event())
        let joined = Box(false)
        let joining = kind.start(
            {
                while mayJoin.value == 0 { Strand.yield() }
                try queue.join()
                joined.set(true)
                try never.wait()
            },
            task: {
                while mayJoin.value == 0 { await Task.yield() }
                try await queue.join()
                joined.set(true)
                try await never.wait()
            })
        joining.cancel()
        mayJoin.add()
        await #expect(throws: CancellationError.self) { try await joining.value() }
        #expect(joined.value)
    }

    // GV-207
    @Test(arguments: QueueKind.withWaiters)
    func `items from the start are unfinished; a timed join says whether all are done`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make([1, 2], capacity: 5)
        for left in [2, 1] {
            #expect(queue.unfinishedCount == left)
            let joining = kind.start(
                { try queue.join(within: .milliseconds(1)) },
                task: { try await queue.join(within: .milliseconds(1)) })
            #expect(try await !joining.value())
            #expect(try queue.tryGet() != nil)
            queue.taskDone()
        }
        let joining = kind.start(
            { try queue.join(within: .milliseconds(1)) },
            task: { try await queue.join(within: .milliseconds(1)) })
        #expect(try await joining.value())
    }

    @Test(arguments: WaiterKind.allCases)
    func `a joiner that is cancelled leaves the others`(_ kind: WaiterKind) async throws {
        let queue = Queue<Int>([1], capacity: 1)
        let joiners = (0..<2).map { _ in
            kind.start({ _ = try queue.join() }, task: { _ = try await queue.join() })
        }
        for joiner in joiners { try await joiner.untilParked() }
        joiners[0].cancel()
        await #expect(throws: CancellationError.self) { try await joiners[0].value() }
        queue.taskDone()
        try await joiners[1].value()
    }

    // AS-181, GV-205
    @Test(arguments: QueueKind.allCases)
    func `taskDone more often than items were put traps`(_ queueKind: QueueKind) async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) { [queueKind] in
            let queue = queueKind.make(capacity: 2)
            try await queue.put(1)
            _ = try queue.tryGet()
            queue.taskDone()
            queue.taskDone()
        }
        let message = text(try #require(result).standardErrorContent)
        #expect(message.contains("taskDone of a queue more often than items were put"))
    }
}

/// A number that strands count up together.
private final class Count: Sendable {
    private let number = Box(0)
    var value: Int { number.value }
    func add() { number.update { $0 += 1 } }
}
