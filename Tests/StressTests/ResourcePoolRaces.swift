import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Getters that give up at about the time when something is given back lose nothing of a pool.
    @Suite(.serialized)
    struct ResourcePoolRaces {
        private struct Failure: Error {}

        @Test(arguments: WaiterKind.pairs)
        func `a pool keeps its places while getters give up and creations fail`(
            _ kinds: (WaiterKind, WaiterKind)
        ) async throws {
            let made = Count()
            let lent = Count()
            let pool = try ResourcePool<Int>(maximum: 2) {
                made.add()
                if made.value % 7 == 0 { throw Failure() }
                return made.value
            }
            let rounds = Stress.rounds(4_000)
            let strands = [kinds.0, kinds.1, kinds.0, kinds.1].map { kind in
                kind.start(
                    usesPool: true,
                    {
                        for round in 0..<rounds {
                            guard let one = try? pool.get(within: Stress.limit(round)) else {
                                continue
                            }
                            lent.add()
                            Stress.dawdle(round)
                            if round % 5 == 0 { Stress.pause() }
                            if round % 3 == 0 { pool.discard() } else { pool.put(one) }
                        }
                    },
                    task: {
                        for round in 0..<rounds {
                            guard let one = try? await pool.get(within: Stress.limit(round)) else {
                                continue
                            }
                            lent.add()
                            Stress.dawdle(round)
                            if round % 5 == 0 { await Stress.pause() }
                            if round % 3 == 0 { pool.discard() } else { pool.put(one) }
                        }
                    })
            }
            // One that never gives up gets its turn.
            let patient = WaiterKind.task.start({}) {
                for _ in 0..<rounds / 8 {
                    do {
                        let one = try await pool.get()
                        pool.put(one)
                    } catch is Failure {}
                }
            }
            for strand in strands { try await strand.value() }
            try await patient.value()
            #expect(lent.value > 0)
            #expect(pool.waiting == 0)
            #expect(pool.free == 2)
            #expect(pool.count <= 2)
        }
    }
}
