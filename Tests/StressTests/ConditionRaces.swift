import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Contract, row 1, for conditions: one waiter gives up at about the time of a notification,
    /// another waits behind it for ever. Nobody else comes along who could notify it.
    @Suite(.serialized)
    struct ConditionRaces {
        enum Ending: CaseIterable, Sendable { case timeout, cancellation }
        enum Over: CaseIterable, Sendable { case lock, recursiveLock }

        /// What the strands of one race share. They meet at semaphores, a permit a step.
        private final class Race: Sendable {
            let condition: Condition
            let (taken, passed) = (Count(), Count())
            let (ended, patientEnded) = (Race.meeting(), Race.meeting())
            let (mayWait, patientMayWait) = (Race.meeting(), Race.meeting())
            let (mayNotify, mayCancel, cancelled) = (Race.meeting(), Race.meeting(), Race.meeting())

            init(_ over: Over) {
                condition =
                    over == .lock ? Condition(lock: Lock()) : Condition(lock: RLock())
            }

            static func meeting() -> CountingSemaphore { CountingSemaphore(permits: 0) }

            /// Passed already, about when the notification comes, or later.
            private func limit(_ ending: Ending, _ round: Int) -> Duration? {
                ending == .cancellation ? nil : Stress.limit(round) * (1 + round / 5 % 3)
            }

            /// Waits no longer than the ending allows.
            func giveUp(_ ending: Ending, _ round: Int) throws {
                insist(on: mayWait)
                condition.withLock {
                    // The other queues behind.
                    patientMayWait.release()
                    do {
                        if try condition.wait(within: limit(ending, round)) { taken.add() }
                    } catch {}
                }
                if ending == .cancellation {
                    // One that comes too late is not for the next round.
                    insist(on: cancelled)
                    _ = try? Race.meeting().acquire(within: .zero)
                }
                ended.release()
            }

            func giveUp(_ ending: Ending, _ round: Int) async throws {
                try await mayWait.acquire()
                try await condition.withLock {
                    patientMayWait.release()
                    do {
                        if try await condition.wait(within: limit(ending, round)) { taken.add() }
                    } catch {}
                }
                if ending == .cancellation {
                    // One that comes too late is not for the next task, and this one cannot wait.
                    while !cancelled.tryAcquire() { await Stress.pause() }
                }
                ended.release()
            }

            func waitPatiently() throws {
                try patientMayWait.acquire()
                try condition.withLock { () throws in
                    mayNotify.release()
                    try condition.wait()
                    passed.add()
                }
                patientEnded.release()
            }

            func waitPatiently() async throws {
                try await patientMayWait.acquire()
                try await condition.withLock {
                    mayNotify.release()
                    try await condition.wait()
                    passed.add()
                }
                patientEnded.release()
            }

            /// Notifies one, and another if the first had it.
            func notify(_ ending: Ending, _ round: Int) throws {
                let before = taken.value
                mayWait.release()
                try mayNotify.acquire()
                let isCancelled = ending == .cancellation
                if isCancelled && round % 2 == 0 { mayCancel.release() }
                Stress.dawdle(round / 64)
                condition.withLock {
                    condition.notify()
                    if isCancelled && round % 2 == 1 { mayCancel.release() }
                    // It is cancelled before it can have the lock, too.
                    if round % 8 == 1 { Stress.pause() }
                }
                try ended.acquire()
                if taken.value > before { condition.withLock { condition.notify() } }
                try patientEnded.acquire()
            }

            /// Acquires whatever is cancelled meanwhile.
            private func insist(on semaphore: CountingSemaphore) {
                while true {
                    do {
                        try semaphore.acquire()
                        return
                    } catch {}
                }
            }
        }

        @Test(arguments: WaiterKind.pairs, Ending.allCases)
        func `a notification goes to the next when the first just gave up`(
            _ kinds: (WaiterKind, WaiterKind), _ ending: Ending
        ) async throws {
            for over in Over.allCases { try await race(kinds, ending, over) }
        }

        private func race(
            _ kinds: (WaiterKind, WaiterKind), _ ending: Ending, _ over: Over
        ) async throws {
            let race = Race(over)
            let rounds = Stress.rounds(2_000)
            let victim = Victim(kinds.0)
            let patient = kinds.1.start(
                usesPool: true,
                { for _ in 0..<rounds { try race.waitPatiently() } },
                task: { for _ in 0..<rounds { try await race.waitPatiently() } })
            let canceller = WaiterKind.thread.start(
                {
                    for round in 0..<(ending == .cancellation ? rounds : 0) {
                        try race.mayCancel.acquire()
                        Stress.dawdle(round)
                        victim.cancel()
                        race.cancelled.release()
                    }
                }, task: {})
            let notifier = WaiterKind.thread.start(
                { for round in 0..<rounds { try race.notify(ending, round) } }, task: {})
            let round = Count()
            try await victim.run(until: { $0 == rounds }) {
                try race.giveUp(ending, round.value)
                round.add()
            } task: {
                try await race.giveUp(ending, round.value)
                round.add()
            }
            try await patient.value()
            try await canceller.value()
            try await notifier.value()
            #expect(race.passed.value == rounds)
            #expect(race.condition.tryAcquire())
            race.condition.release()
        }
    }
}
