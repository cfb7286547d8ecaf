import PlaitParking
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Threads, fibers and tasks together on one object.
    @Suite(.serialized)
    struct MixedWaiters {
        private let kinds = (0..<3).flatMap { _ in WaiterKind.allCases }

        @Test func `a lock admits one at a time`() async throws {
            final class Guarded: @unchecked Sendable {
                // Sendable: `lock` guards `value`.
                let lock = Lock()
                var value = 0
            }
            let guarded = Guarded()
            let taken = Count()
            let rounds = Stress.rounds(200_000)
            let strands = kinds.enumerated().map { number, kind in
                kind.start(
                    usesPool: true,
                    {
                        for round in number..<(number + rounds) {
                            guard
                                try guarded.lock.acquire(
                                    within: round % 3 == 0 ? Stress.limit(round / 3) : nil)
                            else { continue }
                            guarded.value += 1
                            if round % 16 == 0 { Stress.pause() }
                            guarded.lock.release()
                            taken.add()
                        }
                    },
                    task: {
                        for round in number..<(number + rounds) {
                            guard
                                try await guarded.lock.acquire(
                                    within: round % 3 == 0 ? Stress.limit(round / 3) : nil)
                            else { continue }
                            guarded.value += 1
                            if round % 16 == 0 { await Stress.pause() }
                            guarded.lock.release()
                            taken.add()
                        }
                    })
            }
            for strand in strands { try await strand.value() }
            #expect(guarded.value == taken.value)
            #expect(!guarded.lock.isLocked)
        }

        @Test func `a lock whose waiters are cancelled loses nobody`() async throws {
            let lock = Lock()
            let (inside, taken, cancelled, stopped) = (Count(), Count(), Count(), Count())
            let rounds = Stress.rounds(100_000)
            let victims = kinds.map { Victim($0) }
            let canceller = WaiterKind.thread.start(
                {
                    for round in 0..<rounds {
                        victims[round % victims.count].cancel()
                        Stress.dawdle(round)
                        if round % 4 == 0 { Stress.pause() }
                    }
                    stopped.add()
                }, task: {})
            try await withThrowingTaskGroup(of: Void.self) { group in
                for victim in victims {
                    group.addTask {
                        try await victim.run(until: { _ in stopped.value > 0 }) {
                            do {
                                try lock.acquire()
                                inside.add()
                                #expect(inside.value == 1)
                                Stress.pause()
                                inside.add(-1)
                                lock.release()
                                taken.add()
                            } catch { cancelled.add() }
                        } task: {
                            do {
                                try await lock.acquire()
                                inside.add()
                                #expect(inside.value == 1)
                                await Stress.pause()
                                inside.add(-1)
                                lock.release()
                                taken.add()
                            } catch { cancelled.add() }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await canceller.value()
            #expect(!lock.isLocked)
            #expect(lock.tryAcquire())
        }

        @Test func `a semaphore never admits more than its permits`() async throws {
            let semaphore = CountingSemaphore(permits: 3)
            let (inside, tooMany) = (Count(), Count())
            let rounds = Stress.rounds(100_000)
            let strands = kinds.map { kind in
                kind.start(
                    usesPool: true,
                    {
                        for round in 0..<rounds {
                            try semaphore.acquire()
                            inside.add()
                            if inside.value > 3 { tooMany.add() }
                            if round % 8 == 0 { Stress.pause() }
                            inside.add(-1)
                            semaphore.release()
                        }
                    },
                    task: {
                        for round in 0..<rounds {
                            try await semaphore.acquire()
                            inside.add()
                            if inside.value > 3 { tooMany.add() }
                            if round % 8 == 0 { await Stress.pause() }
                            inside.add(-1)
                            semaphore.release()
                        }
                    })
            }
            for strand in strands { try await strand.value() }
            #expect(tooMany.value == 0)
            #expect(semaphore.permits == 3)
        }

        // QU-020
        @Test func `a queue gives each item once`() async throws {
            let queue = Queue<Int>(capacity: 8)
            let (count, sum) = (Count(), Count())
            let items = Stress.rounds(100_000)
            let getters = kinds.map { kind in
                kind.start(
                    usesPool: true,
                    {
                        while true {
                            sum.add(try queue.get())
                            count.add()
                        }
                    },
                    task: {
                        while true {
                            sum.add(try await queue.get())
                            count.add()
                        }
                    })
            }
            let putters = kinds.map { kind in
                kind.start(
                    usesPool: true, { for item in 1...items { try queue.put(item) } },
                    task: { for item in 1...items { try await queue.put(item) } })
            }
            for putter in putters { try await putter.value() }
            queue.shutDown()
            for getter in getters {
                await #expect(throws: QueueError.shutDown) { try await getter.value() }
            }
            #expect(count.value == putters.count * items)
            #expect(sum.value == putters.count * items * (items + 1) / 2)
        }

        @Test(arguments: WaiterKind.allCases)
        func `an event lets everyone pass`(_ setterKind: WaiterKind) async throws {
            let events = (0..<Stress.rounds(20_000)).map { _ in Event() }
            let passed = Count()
            let waiters = kinds.map { kind in
                kind.start(
                    usesPool: true,
                    {
                        for (round, event) in events.enumerated() {
                            if try !event.wait(within: Stress.limit(round)) { try event.wait() }
                            passed.add()
                        }
                    },
                    task: {
                        for (round, event) in events.enumerated() {
                            if try await !event.wait(within: Stress.limit(round)) {
                                try await event.wait()
                            }
                            passed.add()
                        }
                    })
            }
            let setter = setterKind.start(
                usesPool: true,
                {
                    for (round, event) in events.enumerated() {
                        while passed.value < round { Stress.pause() }
                        Stress.dawdle(round)
                        event.set()
                    }
                },
                task: {
                    for (round, event) in events.enumerated() {
                        while passed.value < round { await Stress.pause() }
                        Stress.dawdle(round)
                        event.set()
                    }
                })
            for waiter in waiters { try await waiter.value() }
            try await setter.value()
            #expect(passed.value == waiters.count * events.count)
        }
    }
}
