import PlaitParking
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct BarrierConformance {
    private func start(
        _ kind: WaiterKind, _ barrier: Barrier, within limit: Duration? = nil
    ) -> Started<Int> {
        kind.start(
            { try barrier.wait(within: limit) }, task: { try await barrier.wait(within: limit) })
    }

    @Test(arguments: WaiterKind.pairs)
    func `two of any kinds meet`(_ first: WaiterKind, _ second: WaiterKind) async throws {
        let barrier = Barrier(parties: 2)
        for _ in 0..<3 {
            let waiting = start(first, barrier, within: .seconds(3_600))
            try await waiting.untilParked()
            #expect(barrier.waiting == 1)
            let other = start(second, barrier)
            #expect(try await other.value() == 0)
            #expect(try await waiting.value() == 1)
        }
    }

    // AS-150
    @Test(arguments: WaiterKind.allCases)
    func `the parties of a pass get the numbers up to theirs, once each`(
        _ kind: WaiterKind
    ) async throws {
        let barrier = Barrier(parties: 5)
        for _ in 0..<3 {
            let parties = (0..<5).map { _ in start(kind, barrier) }
            var indices: [Int] = []
            for party in parties { indices.append(try await party.value()) }
            #expect(indices.sorted() == Array(0..<5))
        }
    }

    // TH-035
    @Test(arguments: WaiterKind.allCases)
    func `many pass in lock-step, again and again`(_ kind: WaiterKind) async throws {
        let (parties, passes) = (5, 20)
        let barrier = Barrier(parties: parties)
        let (before, after) = (Box(0), Box(0))
        let strands = (0..<parties).map { _ in
            kind.start(
                {
                    for pass in 0..<passes {
                        before.update { $0 += 1 }
                        #expect(after.value == pass * parties)
                        try barrier.wait()
                        after.update { $0 += 1 }
                        #expect(before.value == (pass + 1) * parties)
                        try barrier.wait()
                    }
                },
                task: {
                    for pass in 0..<passes {
                        before.update { $0 += 1 }
                        #expect(after.value == pass * parties)
                        try await barrier.wait()
                        after.update { $0 += 1 }
                        #expect(before.value == (pass + 1) * parties)
                        try await barrier.wait()
                    }
                })
        }
        for strand in strands { try await strand.value() }
        #expect(after.value == passes * parties)
        #expect(barrier.waiting == 0)
        #expect(!barrier.isBroken)
    }

    // AS-151
    @Test(arguments: OneHub.allCases)
    func `who comes while a pass is being left is held back until all have left`(
        _ model: OneHub
    ) async throws {
        let barrier = Barrier(parties: 3)
        let order = Box<[Int]>([])
        @Sendable func note(_ pass: Int, _ state: String) {
            order.update { $0.append(pass) }
            // The second has gone on; the others have been woken, and not run.
            if order.value.count == 1 { #expect(state.hasPrefix("Barrier(draining, ")) }
        }
        _ = try await model.run(3) { _ in
            for pass in 1...3 {
                try barrier.wait()
                note(pass, "\(barrier)")
            }
        } task: { _ in
            for pass in 1...3 {
                try await barrier.wait()
                note(pass, "\(barrier)")
            }
        }
        #expect(order.value == [1, 1, 1, 2, 2, 2, 3, 3, 3])
        #expect("\(barrier)".hasPrefix("Barrier(filling, waiting: 0/3, "))
    }

    // AS-152
    @Test(arguments: WaiterKind.pairs)
    func `one that is cancelled leaves its place to another`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let barrier = Barrier(parties: 3)
        let first = start(cancelled, barrier)
        try await first.untilParked()
        let second = start(patient, barrier)
        try await second.untilParked()
        #expect(barrier.waiting == 2)
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value() }
        #expect(barrier.waiting == 1)
        #expect(!barrier.isBroken)
        let replacement = start(cancelled, barrier)
        try await replacement.untilParked()
        #expect(try await start(patient, barrier).value() == 0)
        #expect(try await second.value() + replacement.value() == 3)
    }

    // AS-154
    @Test(arguments: WaiterKind.allCases)
    func `those whom a reset sent away may wait again at once`(_ kind: WaiterKind) async throws {
        let barrier = Barrier(parties: 3)
        let sentAway = Box(0)
        let waiting = (0..<2).map { _ in
            kind.start(
                {
                    #expect(throws: BarrierError.broken) { try barrier.wait() }
                    sentAway.update { $0 += 1 }
                    return try barrier.wait()
                },
                task: {
                    await #expect(throws: BarrierError.broken) { try await barrier.wait() }
                    sentAway.update { $0 += 1 }
                    return try await barrier.wait()
                })
        }
        for party in waiting { try await party.untilParked() }
        barrier.reset()
        #expect(!barrier.isBroken)
        try await until { barrier.waiting == 2 }
        #expect(sentAway.value == 2)
        #expect(try await start(kind, barrier).value() == 0)
        #expect(try await waiting[0].value() + waiting[1].value() == 3)
    }

    // AS-155
    @Test(arguments: OneHub.allCases)
    func `a reset by the last to leave does not disturb those who come again`(
        _ model: OneHub
    ) async throws {
        let parties = 4
        let barrier = Barrier(parties: parties)
        let left = Box(0)
        let indices = try await model.run(parties) { _ in
            try barrier.wait()
            if left.update({
                $0 += 1; return $0
            }) == parties {
                barrier.reset()
            }
            try barrier.wait()
            return try barrier.wait()
        } task: { _ in
            try await barrier.wait()
            if left.update({
                $0 += 1; return $0
            }) == parties {
                barrier.reset()
            }
            try await barrier.wait()
            return try await barrier.wait()
        }
        #expect(indices.sorted() == Array(0..<parties))
        #expect(!barrier.isBroken)
    }

    @Test(arguments: OneHub.allCases)
    func `a reset while a pass is being left changes nothing`(_ model: OneHub) async throws {
        let barrier = Barrier(parties: 3)
        let indices = try await model.run(3) { _ in
            let index = try barrier.wait()
            barrier.reset()
            return index
        } task: { _ in
            let index = try await barrier.wait()
            barrier.reset()
            return index
        }
        #expect(indices.sorted() == [0, 1, 2])
    }

    // AS-157
    @Test(arguments: OneHub.allCases)
    func `an abort reaches those who leave a pass and those who are held back`(
        _ model: OneHub
    ) async throws {
        enum End: Sendable { case aborted, leaving, heldBack }
        let barrier = Barrier(parties: 4)
        let passed = Box(0)
        let ends = try await model.run(4) { _ in
            do {
                try barrier.wait()
            } catch BarrierError.broken { return End.leaving }
            // Two go on; the second of them aborts, while two are still to leave.
            if passed.update({
                $0 += 1; return $0
            }) == 2 {
                #expect("\(barrier)".hasPrefix("Barrier(draining, "))
                barrier.abort()
                return .aborted
            }
            #expect(throws: BarrierError.broken) { try barrier.wait() }
            return .heldBack
        } task: { _ in
            do {
                try await barrier.wait()
            } catch BarrierError.broken { return End.leaving }
            if passed.update({
                $0 += 1; return $0
            }) == 2 {
                #expect("\(barrier)".hasPrefix("Barrier(draining, "))
                barrier.abort()
                return .aborted
            }
            await #expect(throws: BarrierError.broken) { try await barrier.wait() }
            return .heldBack
        }
        #expect(ends.count { $0 == .aborted } == 1)
        #expect(ends.count { $0 == .heldBack } == 1)
        #expect(ends.count { $0 == .leaving } == 2)
        #expect(barrier.isBroken)
    }

    // AS-158
    @Test(arguments: WaiterKind.pairs)
    func `one that fails elsewhere may abort, so that the others do not wait for it`(
        _ failing: WaiterKind, _ kind: WaiterKind
    ) async throws {
        struct Failure: Error {}
        let barrier = Barrier(parties: 3)
        let others = [start(kind, barrier), start(kind, barrier)]
        for party in others { try await party.untilParked() }
        let failed = failing.start(
            {
                do { throw Failure() } catch { barrier.abort() }
            },
            task: {
                do { throw Failure() } catch { barrier.abort() }
            })
        try await failed.value()
        for party in others {
            await #expect(throws: BarrierError.broken) { try await party.value() }
        }
        #expect(barrier.isBroken)
    }

    @Test(arguments: OneHub.allCases)
    func `one held back whose limit passes lets the pass end, and breaks the next`(
        _ model: OneHub
    ) async throws {
        let barrier = Barrier(parties: 3)
        let passed = Box(0)
        let ends = try await model.run(3) { _ in
            let index = try barrier.wait()
            if passed.update({
                $0 += 1; return $0
            }) == 1 {
                #expect(throws: BarrierError.broken) { try barrier.wait(within: .zero) }
            }
            return index
        } task: { _ in
            let index = try await barrier.wait()
            if passed.update({
                $0 += 1; return $0
            }) == 1 {
                await #expect(throws: BarrierError.broken) { try await barrier.wait(within: .zero) }
            }
            return index
        }
        #expect(ends.sorted() == [0, 1, 2])
        #expect(barrier.isBroken)
        barrier.reset()
        #expect("\(barrier)".hasPrefix("Barrier(filling, waiting: 0/3, "))
    }
}
