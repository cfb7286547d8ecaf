import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Queues at full speed: by the ring, past it and behind it, to and fro.
    @Suite(.serialized)
    struct QueueRaces {
        private let kinds = WaiterKind.allCases + WaiterKind.allCases

        /// Strands that get until the shut down, now and then giving up early.
        private func startGetters(
            _ queue: Queue<Int>, _ limit: @escaping @Sendable (Int) -> Duration?
        ) -> [Started<[Int]>] {
            kinds.map { kind in
                kind.start(
                    usesPool: true,
                    {
                        var (items, round) = ([Int](), 0)
                        while true {
                            round += 1
                            do {
                                items.append(try queue.get(within: limit(round)))
                            } catch QueueError.shutDown {
                                return items
                            } catch {}
                        }
                    },
                    task: {
                        var (items, round) = ([Int](), 0)
                        while true {
                            round += 1
                            do {
                                items.append(try await queue.get(within: limit(round)))
                            } catch QueueError.shutDown {
                                return items
                            } catch {}
                        }
                    })
            }
        }

        /// Strands that each put `count` numbers of their own, each until it is taken.
        private func startPutters(
            _ queue: Queue<Int>, _ count: Int, _ limit: @escaping @Sendable (Int) -> Duration?
        ) -> [Started<Void>] {
            kinds.enumerated().map { number, kind in
                let items = number * count..<(number + 1) * count
                return kind.start(
                    usesPool: true,
                    {
                        for item in items {
                            var round = item
                            while true {
                                round += 1
                                do {
                                    if try queue.put(item, within: limit(round)) { break }
                                } catch is CancellationError {}
                            }
                        }
                    },
                    task: {
                        for item in items {
                            var round = item + 1
                            while !(try await queue.put(item, within: limit(round))) { round += 1 }
                        }
                    })
            }
        }

        @Test(arguments: [1, 2, 3, 64, 1_024, 5_000])
        func `every item is got once, although many give up`(_ capacity: Int) async throws {
            let queue = Queue<Int>(capacity: capacity)
            let count = Stress.rounds(40_000)
            let limit: @Sendable (Int) -> Duration? = {
                $0 % 3 == 0 ? Stress.limit($0 / 3) : nil
            }
            let stopped = Count()
            let getters = startGetters(queue, limit)
            let putters = startPutters(queue, count, limit)
            // Tasks can be cancelled for good only: those that loop are not.
            let victims = zip(kinds, getters).filter { $0.0 != .task }.map(\.1)
            let others = zip(kinds, putters).filter { $0.0 != .task }.map(\.1)
            let single = Victim(.task)
            let taken = Box<[Int]>([])
            let canceller = WaiterKind.thread.start(
                {
                    var round = 0
                    while stopped.value == 0 {
                        round += 1
                        victims[round % victims.count].cancel()
                        others[round % others.count].cancel()
                        single.cancel()
                        // What it counts is in place whatever happens to the queue.
                        if !(0...capacity).contains(queue.count) { return false }
                        for _ in 0..<4 { Stress.dawdle(round) }
                        Stress.pause()
                    }
                    return true
                }, task: { true })
            async let lonely: Void = single.run(until: { _ in stopped.value > 0 }) {
            } task: {
                do {
                    let item = try await queue.get()
                    taken.update { $0.append(item) }
                } catch {}
            }
            for putter in putters { try await putter.value() }
            queue.shutDown()
            var items: [Int] = []
            for getter in getters { items += try await getter.value() }
            stopped.add()
            #expect(try await canceller.value(), "more items than the capacity")
            single.cancel()
            try await lonely
            items += taken.value
            #expect(items.sorted() == Array(0..<putters.count * count))
            #expect(queue.isEmpty && queue.unfinishedCount == items.count)
        }

        @Test(arguments: [1, 2, 64, 5_000], [false, true])
        func `a shut down at full speed loses no item that was put`(
            _ capacity: Int, _ immediately: Bool
        ) async throws {
            for round in 0..<Stress.rounds(120) {
                let (queue, ended) = (Queue<Counted>(capacity: capacity), Count())
                let (made, put, got) = (Count(), Count(), Count())
                let putters = kinds.prefix(4).map { kind in
                    kind.start(
                        usesPool: true,
                        {
                            while true {
                                made.add()
                                try queue.put(Counted(ended))
                                put.add()
                            }
                        },
                        task: {
                            while true {
                                made.add()
                                try await queue.put(Counted(ended))
                                put.add()
                            }
                        })
                }
                let getters = kinds.prefix(5).map { kind in
                    kind.start(
                        usesPool: true,
                        {
                            while true {
                                _ = try queue.get()
                                got.add()
                            }
                        },
                        task: {
                            while true {
                                _ = try await queue.get()
                                got.add()
                            }
                        })
                }
                while got.value < round * 7 % 300 { await Stress.pause() }
                Stress.dawdle(round)
                queue.shutDown(immediately: immediately)
                for strand in putters + getters {
                    await #expect(throws: QueueError.shutDown) { try await strand.value() }
                }
                #expect(queue.isEmpty)
                // What was dropped was counted off.
                #expect(queue.unfinishedCount == got.value)
                #expect(immediately ? put.value >= got.value : put.value == got.value)
                #expect(made.value == put.value + putters.count)
                #expect(ended.value == made.value)
            }
        }

        @Test(arguments: [1, 8, 5_000])
        func `join returns when all is done, and not before`(_ capacity: Int) async throws {
            let queue = Queue<Int>(capacity: capacity)
            let done = Count()
            let workers = kinds.map { kind in
                kind.start(
                    usesPool: true,
                    {
                        while true {
                            done.add(try queue.get())
                            queue.taskDone()
                        }
                    },
                    task: {
                        while true {
                            done.add(try await queue.get())
                            queue.taskDone()
                        }
                    })
            }
            let rounds = Stress.rounds(3_000)
            let putter = WaiterKind.fiber.start(
                {
                    var expected = 0
                    for round in 0..<rounds {
                        for _ in 0...(round % 40) {
                            try queue.put(1)
                            expected += 1
                        }
                        try queue.join()
                        if done.value != expected || queue.unfinishedCount != 0 { return false }
                    }
                    return true
                }, task: { false })
            #expect(try await putter.value(), "an item was not done")
            queue.shutDown()
            for worker in workers {
                await #expect(throws: QueueError.shutDown) { try await worker.value() }
            }
        }

        @Test func `another capacity, again and again, loses nothing and nobody`() async throws {
            let queue = Queue<Int>(capacity: 3)
            let count = Stress.rounds(300_000)
            let stopped = Count()
            let getters = startGetters(queue) { _ in nil }
            let putters = startPutters(queue, count) { _ in nil }
            let resizer = WaiterKind.thread.start(
                {
                    var round = 0
                    let capacities = [1, 2_000, 4, 2, .max, 1_024, 3]
                    while stopped.value == 0 {
                        round += 1
                        queue.capacity = capacities[round % capacities.count]
                        for _ in 0..<8 { Stress.dawdle(round) }
                        Stress.pause()
                    }
                }, task: {})
            for putter in putters { try await putter.value() }
            stopped.add()
            try await resizer.value()
            queue.shutDown()
            var items: [Int] = []
            for getter in getters { items += try await getter.value() }
            #expect(items.sorted() == Array(0..<putters.count * count))
        }

        @Test(arguments: [1, 3, 64, 2_000])
        func `a consumer sees each producer's items in order, while the ring comes and goes`(
            _ capacity: Int
        ) async throws {
            let queue = Queue<(producer: Int, number: Int)>(capacity: capacity)
            let count = Stress.rounds(20_000)
            let stopped = Count()
            let producers = kinds.enumerated().map { producer, kind in
                kind.start(
                    usesPool: true,
                    { for number in 0..<count { try queue.put((producer, number)) } },
                    task: { for number in 0..<count { try await queue.put((producer, number)) } })
            }
            // Diverts it and restores it, taking nothing.
            let toggler = WaiterKind.thread.start(
                {
                    var round = 0
                    while stopped.value == 0 {
                        round += 1
                        _ = try? queue.peek(within: Stress.limit(round))
                        Stress.dawdle(round)
                    }
                }, task: {})
            let consumer = WaiterKind.thread.start(
                {
                    var next = Array(repeating: 0, count: producers.count)
                    var round = 0
                    while next.reduce(0, +) < producers.count * count {
                        round += 1
                        do {
                            let item = try queue.get(within: Stress.limit(round))
                            if next[item.producer] != item.number { return false }
                            next[item.producer] += 1
                        } catch is TimedOut {}
                    }
                    return true
                }, task: { false })
            #expect(try await consumer.value(), "an item came out of its turn")
            for producer in producers { try await producer.value() }
            stopped.add()
            try await toggler.value()
        }

        // QU-023
        @Test(arguments: [1, 2, 64])
        func `items that end at once, and look at their queue then, hang nobody`(
            _ capacity: Int
        ) async throws {
            let queue = Queue<Counted>(capacity: capacity)
            let (ended, rounds) = (Count(), Stress.rounds(60_000))
            let getters = kinds.map { kind in
                kind.start(
                    usesPool: true, { while true { _ = try queue.get() } },
                    task: { while true { _ = try await queue.get() } })
            }
            let look: @Sendable () -> Void = { [unowned queue] in _ = queue.count }
            let putters = kinds.map { kind in
                kind.start(
                    usesPool: true,
                    { for _ in 0..<rounds { try queue.put(Counted(ended, look)) } },
                    task: { for _ in 0..<rounds { try await queue.put(Counted(ended, look)) } })
            }
            for putter in putters { try await putter.value() }
            queue.shutDown()
            for getter in getters {
                await #expect(throws: QueueError.shutDown) { try await getter.value() }
            }
            #expect(ended.value == putters.count * rounds)
        }
    }
}

/// An item that counts its end.
private final class Counted: Sendable {
    private let ended: Count
    private let atEnd: (@Sendable () -> Void)?
    init(_ ended: Count, _ atEnd: (@Sendable () -> Void)? = nil) {
        self.ended = ended
        self.atEnd = atEnd
    }
    deinit {
        ended.add()
        atEnd?()
    }
}
