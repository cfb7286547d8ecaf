import PlaitParking
import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Threads, fibers and tasks together on one recursive lock.
    @Suite(.serialized)
    struct RLockRaces {
        private let kinds = (0..<3).flatMap { _ in WaiterKind.allCases }

        private final class Guarded: @unchecked Sendable {
            // Sendable: `lock` guards `value`.
            let lock = RLock()
            private var value = 0
            let taken = Count()

            var total: Int { lock.withLock { value } }

            /// For who has it: takes it again, and says whether all is as it should be.
            func use(_ round: Int) -> Bool {
                value += 1
                let isDeeper = lock.tryAcquire() && lock.depth == 2
                lock.release()
                taken.add()
                return isDeeper && lock.depth == 1
            }

            func limit(_ round: Int) -> Duration? {
                round % 3 == 0 ? Stress.limit(round / 3) : nil
            }
        }

        @Test func `a recursive lock admits one at a time, at any depth`() async throws {
            let guarded = Guarded()
            let lock = guarded.lock
            let rounds = Stress.rounds(50_000)
            let strands = kinds.enumerated().map { number, kind in
                kind.start(
                    usesPool: true,
                    {
                        for round in number..<(number + rounds) {
                            guard try lock.acquire(within: guarded.limit(round)) else { continue }
                            #expect(guarded.use(round))
                            if round % 16 == 0 { Stress.pause() }
                            lock.release()
                        }
                    },
                    task: {
                        for round in number..<(number + rounds) {
                            guard try await lock.acquire(within: guarded.limit(round)) else {
                                continue
                            }
                            #expect(guarded.use(round))
                            if round % 16 == 0 { await Stress.pause() }
                            lock.release()
                        }
                    })
            }
            for strand in strands { try await strand.value() }
            #expect(guarded.total == guarded.taken.value)
            #expect(!lock.isLocked)
        }

        @Test func `a recursive lock whose waiters are cancelled loses nobody`() async throws {
            let guarded = Guarded()
            let lock = guarded.lock
            let (cancelled, stopped) = (Count(), Count())
            let rounds = Stress.rounds(50_000)
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
                                #expect(guarded.use(0))
                                Stress.pause()
                                lock.release()
                            } catch { cancelled.add() }
                        } task: {
                            do {
                                try await lock.acquire()
                                #expect(guarded.use(0))
                                await Stress.pause()
                                lock.release()
                            } catch { cancelled.add() }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await canceller.value()
            #expect(guarded.total == guarded.taken.value)
            #expect(cancelled.value <= rounds)
            #expect(!lock.isLocked)
        }
    }
}
