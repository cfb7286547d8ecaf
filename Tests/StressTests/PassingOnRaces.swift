import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Contract, row 1, round by round: one waiter gives up at about the time of a wakeup, another
    /// waits behind it for ever. Nobody else comes along who could take what was lost.
    @Suite(.serialized)
    struct PassingOnRaces {
        enum Ending: CaseIterable, Sendable { case timeout, cancellation }

        /// What the strands of one race share. They meet at semaphores, a permit a step.
        private final class Race: Sendable {
            let semaphore = CountingSemaphore(permits: 0)
            let (taken, passed) = (Count(), Count())
            let (ended, patientEnded) = (Race.meeting(), Race.meeting())
            let (mayWait, patientMayWait) = (Race.meeting(), Race.meeting())
            let (mayWake, mayCancel, cancelled) = (Race.meeting(), Race.meeting(), Race.meeting())

            static func meeting() -> CountingSemaphore { CountingSemaphore(permits: 0) }

            /// Calls the waker and the canceller to the race.
            private func start(_ ending: Ending, _ round: Int) {
                if round % 2 == 0 { mayWake.release() }
                if ending == .cancellation { mayCancel.release() }
                if round % 2 == 1 { mayWake.release() }
            }

            /// Waits no longer than the ending allows.
            func giveUp(_ ending: Ending, _ round: Int) throws {
                insist(on: mayWait)
                start(ending, round)
                do {
                    let limit = ending == .timeout ? Stress.limit(round) : nil
                    if try semaphore.acquire(within: limit) { taken.add() }
                } catch {}
                if ending == .cancellation {
                    // One that comes too late is not for the next round.
                    insist(on: cancelled)
                    _ = try? Race.meeting().acquire(within: .zero)
                }
                ended.release()
            }

            func giveUp(_ ending: Ending, _ round: Int) async throws {
                try await mayWait.acquire()
                start(ending, round)
                do {
                    let limit = ending == .timeout ? Stress.limit(round) : nil
                    if try await semaphore.acquire(within: limit) { taken.add() }
                } catch {}
                if ending == .cancellation {
                    // One that comes too late is not for the next task, and this one cannot wait.
                    while !cancelled.tryAcquire() { await Stress.pause() }
                }
                ended.release()
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
        func `a permit goes to the next when the first just gave up`(
            _ kinds: (WaiterKind, WaiterKind), _ ending: Ending
        ) async throws {
            let race = Race()
            let rounds = Stress.rounds(8_000)
            let victim = Victim(kinds.0)
            let patient = kinds.1.start(
                usesPool: true,
                {
                    for _ in 0..<rounds {
                        try race.patientMayWait.acquire()
                        try race.semaphore.acquire()
                        race.passed.add()
                        race.patientEnded.release()
                    }
                },
                task: {
                    for _ in 0..<rounds {
                        try await race.patientMayWait.acquire()
                        try await race.semaphore.acquire()
                        race.passed.add()
                        race.patientEnded.release()
                    }
                })
            let canceller = WaiterKind.thread.start(
                {
                    for round in 0..<(ending == .cancellation ? rounds : 0) {
                        try race.mayCancel.acquire()
                        Stress.dawdle(round)
                        victim.cancel()
                        race.cancelled.release()
                    }
                }, task: {})
            let waker = WaiterKind.thread.start(
                {
                    for round in 0..<rounds {
                        let taken = race.taken.value
                        race.mayWait.release()
                        race.patientMayWait.release()
                        try race.mayWake.acquire()
                        Stress.dawdle(round / 64)
                        race.semaphore.release()
                        try race.ended.acquire()
                        // The first had it: the other waits for one of its own.
                        if race.taken.value > taken { race.semaphore.release() }
                        try race.patientEnded.acquire()
                    }
                }, task: {})
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
            try await waker.value()
            #expect(race.passed.value == rounds)
            #expect(race.semaphore.permits == 0)
        }
    }
}
