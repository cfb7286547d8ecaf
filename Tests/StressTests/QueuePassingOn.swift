import PlaitPlatform
import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Contract, row 1, for both sides of a queue: one gives up at about the time at which it is
    /// served, another waits behind it for ever.
    @Suite(.serialized)
    struct QueuePassingOn {
        enum Side: CaseIterable, Sendable { case getters, putters }

        private final class Race: Sendable {
            let queue = Queue<Int>(capacity: 1)
            let side: Side
            /// Whether the first was served.
            let served = Count()
            let (mayWait, patientMayWait) = (Race.meeting(), Race.meeting())
            let (mayServe, ended, patientEnded) = (Race.meeting(), Race.meeting(), Race.meeting())

            init(_ side: Side) { self.side = side }

            static func meeting() -> CountingSemaphore { CountingSemaphore(permits: 0) }

            /// False when the limit passed first.
            @available(*, noasync)
            func wait(within limit: Duration?) throws -> Bool {
                guard side == .getters else { return try queue.put(1, within: limit) }
                do {
                    _ = try queue.get(within: limit)
                    return true
                } catch is TimedOut {
                    return false
                }
            }

            func wait(within limit: Duration?) async throws -> Bool {
                guard side == .getters else { return try await queue.put(1, within: limit) }
                do {
                    _ = try await queue.get(within: limit)
                    return true
                } catch is TimedOut {
                    return false
                }
            }

            /// Does what one waiter waits for.
            func serve() throws {
                let done = side == .getters ? try queue.tryPut(1) : try queue.tryGet() != nil
                #expect(done)
            }
        }

        @Test(arguments: WaiterKind.pairs, Side.allCases)
        func `what one who just gave up waited for goes to the next`(
            _ kinds: (WaiterKind, WaiterKind), _ side: Side
        ) async throws {
            let race = Race(side)
            let rounds = Stress.rounds(3_000)
            if side == .putters { #expect(try race.queue.tryPut(0)) }
            let hasty = kinds.0.start(
                usesPool: true,
                {
                    for round in 0..<rounds {
                        try race.mayWait.acquire()
                        race.mayServe.release()
                        if try race.wait(within: Stress.limit(round)) { race.served.add() }
                        race.ended.release()
                    }
                },
                task: {
                    for round in 0..<rounds {
                        try await race.mayWait.acquire()
                        race.mayServe.release()
                        if try await race.wait(within: Stress.limit(round)) { race.served.add() }
                        race.ended.release()
                    }
                })
            let patient = kinds.1.start(
                usesPool: true,
                {
                    for _ in 0..<rounds {
                        try race.patientMayWait.acquire()
                        _ = try race.wait(within: nil)
                        race.patientEnded.release()
                    }
                },
                task: {
                    for _ in 0..<rounds {
                        try await race.patientMayWait.acquire()
                        _ = try await race.wait(within: nil)
                        race.patientEnded.release()
                    }
                })
            let server = WaiterKind.thread.start(
                {
                    for round in 0..<rounds {
                        let served = race.served.value
                        race.mayWait.release()
                        race.patientMayWait.release()
                        try race.mayServe.acquire()
                        Stress.dawdle(round / 64)
                        try race.serve()
                        try race.ended.acquire()
                        // The first had it: the other waits for one of its own.
                        if race.served.value > served { try race.serve() }
                        try race.patientEnded.acquire()
                    }
                }, task: {})
            try await hasty.value()
            try await patient.value()
            try await server.value()
            #expect(race.queue.count == (side == .getters ? 0 : 1))
        }
    }
}
