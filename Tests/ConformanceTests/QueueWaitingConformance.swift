import PlaitPlatform
import PlaitSync
import Testing
import TestSupport

/// Who waits, who is served, and what becomes of those who give up.
@Suite(.timeLimit(.hang))
struct QueueWaitingConformance {
    // QU-001, EV-021, GV-066, AS-166
    @Test(arguments: WaiterKind.pairs)
    func `a getter that waits gets what another puts, of every queue`(
        _ putter: WaiterKind, _ getter: WaiterKind
    ) async throws {
        for queueKind in QueueKind.allCases {
            let queue = queueKind.make(capacity: 1)
            let getting = getter.start({ try queue.get() }, task: { try await queue.get() })
            try await getting.untilParked()
            try await putter.start({ try queue.put(6) }, task: { try await queue.put(6) }).value()
            #expect(try await getting.value() == 6)
            #expect(queue.isEmpty)
        }
    }

    // QU-001, AS-164, AS-165, AS-171, GV-072
    @Test(arguments: WaiterKind.pairs)
    func `a putter beyond the capacity waits for a get, of every queue`(
        _ putter: WaiterKind, _ getter: WaiterKind
    ) async throws {
        for queueKind in QueueKind.allCases {
            let queue = queueKind.make(capacity: 2)
            try await queue.put(1)
            try await queue.put(2)
            let putting = putter.start({ try queue.put(3) }, task: { try await queue.put(3) })
            try await putting.untilParked()
            #expect(queue.count == 2)
            let getting = getter.start({ try queue.get() }, task: { try await queue.get() })
            let first = queueKind.order([1, 2])[0]
            #expect(try await getting.value() == first)
            try await putting.value()
            #expect(queue.count == 2)
            #expect(try queue.drain() == queueKind.order([3 - first, 3]))
        }
    }

    // EV-024, GV-073
    @Test(arguments: QueueKind.withWaiters)
    func `each of four getters gets one`(_ queueKind: QueueKind, _ kind: WaiterKind) async throws {
        let queue = queueKind.make(capacity: 4)
        let getters = (0..<4).map { _ in
            kind.start({ try queue.get() }, task: { try await queue.get() })
        }
        for getter in getters { try await getter.untilParked() }
        for item in 1...4 { try await queue.put(item) }
        var items: [Int] = []
        for getter in getters { items.append(try await getter.value()) }
        #expect(items.sorted() == [1, 2, 3, 4])
        #expect(queue.isEmpty)
    }

    // AS-177
    @Test(arguments: WaiterKind.pairs)
    func `four putters and one getter of a small queue all end`(
        _ putter: WaiterKind, _ getter: WaiterKind
    ) async throws {
        let queue = Queue<Int>(capacity: 2)
        let putters = (0..<4).map { item in
            putter.start({ try queue.put(item) }, task: { try await queue.put(item) })
        }
        let getting = getter.start(
            { try (0..<4).map { _ in try queue.get() } },
            task: {
                var items: [Int] = []
                for _ in 0..<4 { items.append(try await queue.get()) }
                return items
            })
        for putter in putters { try await putter.value() }
        #expect(try await getting.value().sorted() == [0, 1, 2, 3])
    }

    // EV-025, GV-074, AS-170
    @Test(arguments: QueueKind.withWaiters)
    func `getters that timed out consume nothing`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 2)
        let getting = kind.start(
            { try queue.get(within: .milliseconds(2)) },
            task: { try await queue.get(within: .milliseconds(2)) })
        await #expect(throws: TimedOut.self) { try await getting.value() }
        #expect(try queue.tryPut(8))
        #expect(queue.count == 1)
        let again = kind.start({ try queue.get() }, task: { try await queue.get() })
        #expect(try await again.value() == 8)
    }

    // GV-076
    @Test(arguments: QueueKind.withWaiters)
    func `an item that comes after both getters timed out remains`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 1)
        let getters = (0..<2).map { _ in
            kind.start(
                { try queue.get(within: .milliseconds(1)) },
                task: { try await queue.get(within: .milliseconds(1)) })
        }
        for getter in getters {
            await #expect(throws: TimedOut.self) { try await getter.value() }
        }
        try await queue.put(1)
        #expect(try queue.drain() == [1])
    }

    // EV-026, AS-169
    @Test(arguments: WaiterKind.pairs, [true, false])
    func `of two getters one is cancelled: the item goes to the other`(
        _ kinds: (WaiterKind, WaiterKind), _ firstDies: Bool
    ) async throws {
        for queueKind in QueueKind.allCases {
            let queue = queueKind.make(capacity: 1)
            let first = kinds.0.start({ try queue.get() }, task: { try await queue.get() })
            try await first.untilParked()
            let second = kinds.1.start({ try queue.get() }, task: { try await queue.get() })
            try await second.untilParked()
            let (dying, living) = firstDies ? (first, second) : (second, first)
            dying.cancel()
            await #expect(throws: CancellationError.self) { try await dying.value() }
            try await queue.put(5)
            #expect(try await living.value() == 5)
            #expect(queue.isEmpty)
        }
    }

    // EV-031
    @Test(arguments: WaiterKind.allCases)
    func `getters cancelled at the same time as puts lose no item and leave none stuck`(
        _ kind: WaiterKind
    ) async throws {
        for round in 0..<50 {
            let queue = Queue<Int>(capacity: 4)
            let getters = (0..<4).map { _ in
                kind.start({ try queue.get() }, task: { try await queue.get() })
            }
            let putter = WaiterKind.thread.start(
                { for item in 0..<4 { try queue.put(item) } }, task: {})
            getters[round % 4].cancel()
            getters[(round + 1) % 4].cancel()
            try await putter.value()
            var items: [Int] = []
            for (number, getter) in getters.enumerated() {
                do {
                    items.append(try await getter.value())
                } catch is CancellationError {
                    #expect([round % 4, (round + 1) % 4].contains(number))
                }
            }
            #expect((items + (try queue.drain())).sorted() == [0, 1, 2, 3])
        }
    }

    // AS-176
    @Test(arguments: QueueKind.withWaiters)
    func `the item of a cancelled putter among three never appears`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 1)
        try await queue.put(0)
        var putters: [Started<Void>] = []
        for item in 1...3 {
            putters.append(kind.start({ try queue.put(item) }, task: { try await queue.put(item) }))
            try await putters[item - 1].untilParked()
        }
        putters[1].cancel()
        await #expect(throws: CancellationError.self) { try await putters[1].value() }
        var items: [Int] = []
        for _ in 0..<3 { items.append(try await queue.get()) }
        #expect(items == [0, 1, 3])
        try await putters[0].value()
        try await putters[2].value()
        #expect(queue.isEmpty)
    }

    // AS-173, AS-175, AS-179
    @Test(arguments: QueueKind.withWaiters)
    func `a cancellation after the wakeup finds the item put, once`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make(capacity: 1)
        let never = Event()
        try await queue.put(1)
        let wasPut = Box(false)
        let putting = kind.start(
            {
                try queue.put(2)
                wasPut.set(true)
                try never.wait()
            },
            task: {
                try await queue.put(2)
                wasPut.set(true)
                try await never.wait()
            })
        try await putting.untilParked()
        #expect(try queue.tryGet() == 1)
        putting.cancel()
        // The put is done; the cancellation ends the next wait.
        await #expect(throws: CancellationError.self) { try await putting.value() }
        #expect(wasPut.value)
        #expect(try queue.drain() == [2])
    }

    // EV-022
    @Test(arguments: QueueKind.withWaiters)
    func `growing lets putters go on, as many as there is place for`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make([0], capacity: 1)
        var putters: [Started<Void>] = []
        for item in 1...4 {
            putters.append(kind.start({ try queue.put(item) }, task: { try await queue.put(item) }))
            try await putters[item - 1].untilParked()
        }
        queue.capacity = 3
        #expect(queue.count == 3 && queue.isFull)
        try await putters[0].value()
        try await putters[1].value()
        queue.capacity = 10
        for putter in putters { try await putter.value() }
        #expect(try queue.drain() == queueKind.order([0, 1, 2, 3, 4]))
    }

    // EV-023, QU-003
    @Test(arguments: QueueKind.withWaiters)
    func `shrinking keeps what is there, and counts as full until it fits`(
        _ queueKind: QueueKind, _ kind: WaiterKind
    ) async throws {
        let queue = queueKind.make([1, 2, 3, 4], capacity: 4)
        queue.capacity = 2
        #expect(queue.isFull && queue.count == 4 && queue.capacity == 2)
        #expect(try !queue.tryPut(5))
        let putting = kind.start({ try queue.put(5) }, task: { try await queue.put(5) })
        try await putting.untilParked()
        let order = queueKind.order([1, 2, 3, 4])
        for taken in 0..<3 {
            #expect(queue.count == 4 - taken)
            #expect(try queue.tryGet() == order[taken])
        }
        // The last get left place for one.
        try await putting.value()
        #expect(queue.isFull)
        #expect(try queue.drain() == queueKind.order([order[3], 5]))
    }

    // EV-036
    @Test(arguments: WaiterKind.allCases)
    func `what a getter throws goes to who joins it, not to the putter`(
        _ kind: WaiterKind
    ) async throws {
        struct Failure: Error {}
        let queue = Queue<Int>(capacity: 1)
        let getting = kind.start(
            {
                _ = try queue.get()
                throw Failure()
            },
            task: {
                _ = try await queue.get()
                throw Failure()
            })
        try await getting.untilParked()
        try await queue.put(1)
        await #expect(throws: Failure.self) { try await getting.value() }
        try await queue.put(2)
        #expect(try queue.drain() == [2])
    }
}
