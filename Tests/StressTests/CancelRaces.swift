import PlaitParking
import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Contract, row 1: a wakeup meant for one who was just cancelled goes to the next.
    @Suite(.serialized)
    struct CancelRaces {
        @Test(arguments: WaiterKind.pairs)
        func `cancel against release, no permit is lost`(
            _ waiterKind: WaiterKind, _ wakerKind: WaiterKind
        ) async throws {
            let semaphore = CountingSemaphore(permits: 0)
            let (taken, cancelled, released, calls) = (Count(), Count(), Count(), Count())
            let (stopped, running) = (Count(), Count())
            let rounds = Stress.rounds(40_000)
            let victims = (0..<3).map { _ in Victim(waiterKind) }
            let waker = wakerKind.start(
                usesPool: true,
                {
                    for round in 0..<rounds {
                        while semaphore.permits > 0 { Stress.pause() }
                        Stress.dawdle(round)
                        semaphore.release()
                        released.add()
                    }
                    stopped.add()
                },
                task: {
                    for round in 0..<rounds {
                        while semaphore.permits > 0 { await Stress.pause() }
                        Stress.dawdle(round)
                        semaphore.release()
                        released.add()
                    }
                    stopped.add()
                })
            let canceller = WaiterKind.thread.start(
                {
                    var round = 0
                    while running.value > 0 || stopped.value == 0 {
                        round += 1
                        Stress.dawdle(round * 3)
                        victims[round % victims.count].cancel()
                        calls.add()
                        Stress.pause()
                    }
                }, task: {})
            try await withThrowingTaskGroup(of: Void.self) { group in
                for victim in victims {
                    running.add()
                    group.addTask {
                        defer { running.add(-1) }
                        try await victim.run(until: { _ in stopped.value > 0 }) {
                            do {
                                try semaphore.acquire()
                                taken.add()
                            } catch { cancelled.add() }
                        } task: {
                            do {
                                try await semaphore.acquire()
                                taken.add()
                            } catch { cancelled.add() }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await waker.value()
            try await canceller.value()
            #expect(taken.value + semaphore.permits == released.value)
            #expect(cancelled.value <= calls.value)
            let before = semaphore.permits
            semaphore.release()
            #expect(semaphore.permits == before + 1)
        }

        @Test(arguments: WaiterKind.pairs)
        func `cancel about when a wait begins, each round ends by it`(
            _ waiterKind: WaiterKind, _ cancellerKind: WaiterKind
        ) async throws {
            let semaphore = CountingSemaphore(permits: 0)
            let cancelled = Count()
            let rounds = Stress.rounds(8_000)
            let victim = Victim(waiterKind)
            let canceller = cancellerKind.start(
                usesPool: true,
                {
                    for round in 0..<rounds {
                        while victim.begun.value == round { Stress.pause() }
                        Stress.dawdle(round)
                        victim.cancel()
                        // A second call would be one for the next round.
                        while cancelled.value == round { Stress.pause() }
                    }
                },
                task: {
                    for round in 0..<rounds {
                        while victim.begun.value == round { await Stress.pause() }
                        Stress.dawdle(round)
                        victim.cancel()
                        while cancelled.value == round { await Stress.pause() }
                    }
                })
            try await victim.run(until: { $0 == rounds }) {
                #expect(throws: CancellationError.self) { try semaphore.acquire() }
                cancelled.add()
            } task: {
                await #expect(throws: CancellationError.self) { try await semaphore.acquire() }
                cancelled.add()
            }
            try await canceller.value()
            #expect(cancelled.value == rounds)
            semaphore.release()
            #expect(semaphore.permits == 1)
        }
    }
}
