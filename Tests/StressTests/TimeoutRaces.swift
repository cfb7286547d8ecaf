import PlaitPlatform
import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Contract, row 1: a wakeup meant for one who just timed out goes to the next.
    @Suite(.serialized)
    struct TimeoutRaces {
        @Test(arguments: WaiterKind.pairs)
        func `timeout against release, no permit is lost`(
            _ waiterKind: WaiterKind, _ wakerKind: WaiterKind
        ) async throws {
            let semaphore = CountingSemaphore(permits: 0)
            let (taken, released, running) = (Count(), Count(), Count())
            let rounds = Stress.rounds(60_000) / Stress.crowd(waiterKind)
            let waiters = (0..<Stress.crowd(waiterKind)).map { number in
                running.add()
                return waiterKind.start(
                    usesPool: true,
                    {
                        defer { running.add(-1) }
                        for round in 0..<rounds
                        where try semaphore.acquire(within: Stress.limit(round + number)) {
                            taken.add()
                        }
                    },
                    task: {
                        defer { running.add(-1) }
                        for round in 0..<rounds
                        where try await semaphore.acquire(within: Stress.limit(round + number)) {
                            taken.add()
                        }
                    })
            }
            let waker = wakerKind.start(
                usesPool: true,
                {
                    while running.value > 0 {
                        while semaphore.permits > 0 && running.value > 0 { Stress.pause() }
                        Stress.dawdle(released.value)
                        semaphore.release()
                        released.add()
                    }
                },
                task: {
                    while running.value > 0 {
                        while semaphore.permits > 0 && running.value > 0 { await Stress.pause() }
                        Stress.dawdle(released.value)
                        semaphore.release()
                        released.add()
                    }
                })
            for waiter in waiters { try await waiter.value() }
            try await waker.value()
            #expect(taken.value + semaphore.permits == released.value)
            // Nobody is left in the queue to swallow this one.
            let before = semaphore.permits
            semaphore.release()
            #expect(semaphore.permits == before + 1)
        }

        // QU-022
        @Test(arguments: WaiterKind.pairs)
        func `timeout against put, no item is lost or doubled`(
            _ getterKind: WaiterKind, _ putterKind: WaiterKind
        ) async throws {
            let queue = Queue<Int>(capacity: 1)
            let (count, sum) = (Count(), Count())
            let items = Stress.rounds(50_000)
            let getters = (0..<Stress.crowd(getterKind)).map { number in
                getterKind.start(
                    usesPool: true,
                    {
                        var round = number
                        while true {
                            round += 1
                            do {
                                sum.add(try queue.get(within: Stress.limit(round)))
                                count.add()
                            } catch is TimedOut {}
                        }
                    },
                    task: {
                        var round = number
                        while true {
                            round += 1
                            do {
                                sum.add(try await queue.get(within: Stress.limit(round)))
                                count.add()
                            } catch is TimedOut {}
                        }
                    })
            }
            let putter = putterKind.start(
                usesPool: true,
                {
                    for item in 1...items {
                        var round = item
                        while !(try queue.put(item, within: Stress.limit(round))) { round += 1 }
                    }
                },
                task: {
                    for item in 1...items {
                        var round = item
                        while !(try await queue.put(item, within: Stress.limit(round))) {
                            round += 1
                        }
                    }
                })
            try await putter.value()
            queue.shutDown()
            for getter in getters {
                await #expect(throws: QueueError.shutDown) { try await getter.value() }
            }
            #expect(count.value == items)
            #expect(sum.value == items * (items + 1) / 2)
        }
    }
}
