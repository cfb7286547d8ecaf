import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Parties that give up at about the time when the last arrives.
    @Suite(.serialized)
    struct BarrierRaces {
        @Test(arguments: WaiterKind.pairs)
        func `a pass is made for all of its parties or for none, whoever's limit passes`(
            _ first: WaiterKind, _ second: WaiterKind
        ) async throws {
            let barrier = Barrier(parties: 3)
            let (passes, returns, broken) = (Count(), Count(), Count())
            @Sendable func note(_ index: Int) {
                returns.add()
                if index == 0 { passes.add() }
            }
            @Sendable func mend() {
                broken.add()
                barrier.reset()
            }
            let rounds = Stress.rounds(4_000)
            let strands = (0..<3).map { number in
                (number == 0 ? first : second).start(
                    usesPool: true,
                    {
                        for round in 0..<rounds {
                            // Long enough for some passes, short enough for some breaks.
                            let limit = Stress.limit(round + number) * 5
                            do { note(try barrier.wait(within: limit)) } catch { mend() }
                        }
                    },
                    task: {
                        for round in 0..<rounds {
                            let limit = Stress.limit(round + number) * 5
                            do { note(try await barrier.wait(within: limit)) } catch { mend() }
                        }
                    })
            }
            for strand in strands { try await strand.value() }
            #expect(returns.value == 3 * passes.value)
            #expect(returns.value + broken.value == 3 * rounds)
            barrier.reset()
            #expect("\(barrier)".hasPrefix("Barrier(filling, waiting: 0/3, "))
        }

        @Test(arguments: WaiterKind.pairs)
        func `a cancelled party is either replaced or was not missed`(
            _ cancelledKind: WaiterKind, _ patientKind: WaiterKind
        ) async throws {
            let barrier = Barrier(parties: 2)
            let rounds = Stress.rounds(2_000)
            let (mayWait, patientEnded) = (Race.point(), Race.point())
            let (mayBegin, begins) = (Race.point(), Race.point())
            let (ended, cancelled) = (Race.point(), Race.point())
            let (replaced, indices) = (Count(), Count())
            let victim = Victim(cancelledKind)
            let patient = patientKind.start(
                usesPool: true,
                {
                    for _ in 0..<rounds {
                        try mayWait.acquire()
                        indices.add(try barrier.wait())
                        patientEnded.release()
                    }
                },
                task: {
                    for _ in 0..<rounds {
                        try await mayWait.acquire()
                        indices.add(try await barrier.wait())
                        patientEnded.release()
                    }
                })
            let waker = WaiterKind.thread.start(
                {
                    for round in 0..<rounds {
                        mayBegin.release()
                        try begins.acquire()
                        if round % 2 == 0 { mayWait.release() }
                        Stress.dawdle(round)
                        victim.cancel()
                        if round % 2 == 1 { mayWait.release() }
                        cancelled.release()
                        try ended.acquire()
                        // Alone now, unless the two had met.
                        while !patientEnded.tryAcquire() {
                            if barrier.waiting == 1 {
                                try barrier.wait()
                                replaced.add()
                                try patientEnded.acquire()
                                break
                            }
                            Stress.pause()
                        }
                        #expect("\(barrier)".hasPrefix("Barrier(filling, waiting: 0/2, "))
                    }
                }, task: {})
            try await victim.run(until: { $0 == rounds }) {
                GivingUp.insist(on: mayBegin)
                begins.release()
                _ = try? barrier.wait()
                GivingUp.insist(on: cancelled)
                // One that comes too late is not for the next round.
                _ = try? Race.point().acquire(within: .zero)
                ended.release()
            } task: {
                try await mayBegin.acquire()
                begins.release()
                _ = try? await barrier.wait()
                while !cancelled.tryAcquire() { await Stress.pause() }
                ended.release()
            }
            try await patient.value()
            try await waker.value()
            #expect("\(barrier)".hasPrefix("Barrier(filling, waiting: 0/2, "))
            #expect(replaced.value <= rounds)
        }

        private enum Race {
            static func point() -> CountingSemaphore { CountingSemaphore(permits: 0) }
        }
    }
}
