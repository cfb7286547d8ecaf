import PlaitSync
import Testing
import TestSupport

/// Shut down, for every queue and waiter.
@Suite(.timeLimit(.hang))
struct QueueShutDownConformance {
    /// Runs every form of put.
    private func expectRefused(_ queue: any IntQueue, _ kind: WaiterKind) async throws {
        #expect(throws: QueueError.shutDown) { _ = try queue.tryPut(9) }
        for limit in [nil, Duration.zero, .milliseconds(1)] {
            let putting = kind.start(
                { try queue.put(9, within: limit) }, task: { try await queue.put(9, within: limit) }
            )
            await #expect(throws: QueueError.shutDown) { try await putting.value() }
        }
    }

    /// Runs every form of get, and of peek.
    private func expectNothing(_ queue: any IntQueue, _ kind: WaiterKind) async throws {
        #expect(throws: QueueError.shutDown) { _ = try queue.tryGet() }
        #expect(throws: QueueError.shutDown) { _ = try queue.tryPeek() }
        for limit in [nil, Duration.zero, .milliseconds(1)] {
            let getting = kind.start(
                { try queue.get(within: limit) }, task: { try await queue.get(within: limit) })
            await #expect(throws: QueueError.shutDown) { try await getting.value() }
            let peeking = kind.start(
                { try queue.peek(within: limit) }, task: { try await queue.peek(within: limit) })
            await #expect(throws: QueueError.shutDown) { try await peeking.value() }
        }
    }

    // QU-004
    @Test(arguments: QueueKind.withWaiters)
    func `an empty queue refuses all once shut down`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 2)
        queue.shutDown()
        #expect(queue.isShutDown && queue.isEmpty)
        try await expectRefused(queue, kind)
        try await expectNothing(queue, kind)
        queue.shutDown()
        queue.shutDown(immediately: true)
        try await expectNothing(queue, kind)
    }

    // QU-005, QU-007
    @Test(arguments: QueueKind.withWaiters)
    func `what was in it can be got and marked done, then it is over`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 5)
        try await queue.put(2)
        try await queue.put(1)
        queue.shutDown()
        try await expectRefused(queue, kind)
        let order = queueKind.order([2, 1])
        let getting = kind.start({ try queue.get() }, task: { try await queue.get() })
        #expect(try await getting.value() == order[0])
        #expect(try queue.tryGet() == order[1])
        #expect(queue.unfinishedCount == 2)
        queue.taskDone()
        queue.taskDone()
        try await kind.start({ try queue.join() }, task: { try await queue.join() }).value()
        try await expectNothing(queue, kind)
    }

    // QU-006, QU-008, GV-083, AS-184
    @Test(arguments: QueueKind.withWaiters)
    func `immediately, what was in it is dropped and done`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 5)
        try await queue.put(2)
        try await queue.put(1)
        queue.shutDown(immediately: true)
        #expect(queue.isEmpty && queue.unfinishedCount == 0)
        try await expectRefused(queue, kind)
        try await expectNothing(queue, kind)
        try await kind.start({ try queue.join() }, task: { try await queue.join() }).value()
    }

    // QU-008, GV-083
    @Test(arguments: QueueKind.allCases)
    func `what was dropped cannot be marked done`(_ queueKind: QueueKind) async {
        await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            [queueKind] in
            let queue = queueKind.make([1, 2], capacity: 2)
            queue.shutDown(immediately: true)
            queue.taskDone()
        }
    }

    // QU-011
    @Test(arguments: QueueKind.withWaiters)
    func `two getters against two items that were dropped get neither`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make([1, 2], capacity: 2)
        queue.shutDown(immediately: true)
        let getters = (0..<2).map { _ in
            kind.start({ try queue.get() }, task: { try await queue.get() })
        }
        for getter in getters {
            await #expect(throws: QueueError.shutDown) { try await getter.value() }
        }
    }

    // AS-183
    @Test(arguments: QueueKind.withWaiters, [false, true])
    func `a getter that waits is let go, and join returns`(
        _ kinds: (QueueKind, WaiterKind), _ immediately: Bool
    ) async throws {
        let (queueKind, kind) = kinds
        let queue = queueKind.make(capacity: 1)
        let getting = kind.start({ try queue.get() }, task: { try await queue.get() })
        try await getting.untilParked()
        let peeking = kind.start({ try queue.peek() }, task: { try await queue.peek() })
        try await peeking.untilParked()
        queue.shutDown(immediately: immediately)
        await #expect(throws: QueueError.shutDown) { try await getting.value() }
        await #expect(throws: QueueError.shutDown) { try await peeking.value() }
        try await expectRefused(queue, kind)
        try await kind.start({ try queue.join() }, task: { try await queue.join() }).value()
    }

    // QU-012, QU-013
    @Test(arguments: QueueKind.withWaiters, [false, true])
    func `putters on a full queue are let go, and do not block afterwards`(
        _ kinds: (QueueKind, WaiterKind), _ immediately: Bool
    ) async throws {
        let (queueKind, kind) = kinds
        let queue = queueKind.make([1], capacity: 1)
        let putters = (0..<3).map { _ in
            kind.start({ try queue.put(2) }, task: { try await queue.put(2) })
        }
        for putter in putters { try await putter.untilParked() }
        queue.shutDown(immediately: immediately)
        for putter in putters {
            await #expect(throws: QueueError.shutDown) { try await putter.value() }
        }
        try await expectRefused(queue, kind)
        #expect(queue.unfinishedCount == (immediately ? 0 : 1))
    }

    // QU-014, QU-015
    @Test(arguments: QueueKind.withWaiters)
    func `join waits on for the item that is left after the shut down`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 2)
        try await queue.put(1)
        let joining = kind.start({ try queue.join() }, task: { try await queue.join() })
        try await joining.untilParked()
        queue.shutDown()
        try await expectRefused(queue, kind)
        let getting = kind.start({ try queue.get() }, task: { try await queue.get() })
        #expect(try await getting.value() == 1)
        let timed = kind.start(
            { try queue.join(within: .zero) }, task: { try await queue.join(within: .zero) })
        #expect(try await !timed.value())
        queue.taskDone()
        try await joining.value()
    }

    // QU-016
    @Test(arguments: QueueKind.withWaiters)
    func `getters that mark done after the shut down release the joiners`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make([1, 2], capacity: 2)
        let joiners = (0..<2).map { _ in
            kind.start({ try queue.join() }, task: { try await queue.join() })
        }
        for joiner in joiners { try await joiner.untilParked() }
        queue.shutDown()
        let getters = (0..<2).map { _ in
            kind.start(
                {
                    _ = try queue.get()
                    queue.taskDone()
                },
                task: {
                    _ = try await queue.get()
                    queue.taskDone()
                })
        }
        for strand in getters + joiners { try await strand.value() }
        #expect(queue.isEmpty && queue.unfinishedCount == 0)
    }

    // AS-185
    @Test(arguments: QueueKind.withWaiters)
    func `an item that was got but is not done keeps join waiting, dropped ones do not`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make([1, 2, 3], capacity: 3)
        #expect(try queue.tryGet() != nil)
        let joining = kind.start({ try queue.join() }, task: { try await queue.join() })
        try await joining.untilParked()
        queue.shutDown(immediately: true)
        #expect(queue.unfinishedCount == 1)
        let timed = kind.start(
            { try queue.join(within: .zero) }, task: { try await queue.join(within: .zero) })
        #expect(try await !timed.value())
        queue.taskDone()
        try await joining.value()
    }

    // QU-009, QU-010
    @Test(arguments: QueueKind.withWaiters, [false, true])
    func `four writers, six readers, two joiners and a shut down: everyone ends`(
        _ kinds: (QueueKind, WaiterKind), _ immediately: Bool
    ) async throws {
        let (queueKind, kind) = kinds
        let queue = queueKind.make([0], capacity: 4)
        let read = Box(0)
        let joiners = (0..<2).map { _ in
            kind.start({ try queue.join() }, task: { try await queue.join() })
        }
        let writers = (0..<4).map { number in
            kind.start(
                { while true { try queue.put(number) } },
                task: { while true { try await queue.put(number) } })
        }
        let readers = (0..<6).map { _ in
            kind.start(
                {
                    while true {
                        _ = try queue.get()
                        read.update { $0 += 1 }
                        queue.taskDone()
                    }
                },
                task: {
                    while true {
                        _ = try await queue.get()
                        read.update { $0 += 1 }
                        queue.taskDone()
                    }
                })
        }
        try await until { read.value > 300 }
        queue.shutDown(immediately: immediately)
        for strand in writers + readers {
            await #expect(throws: QueueError.shutDown) { try await strand.value() }
        }
        for joiner in joiners { try await joiner.value() }
        #expect(queue.isEmpty && queue.unfinishedCount == 0)
    }
}
