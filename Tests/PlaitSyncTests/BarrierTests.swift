import PlaitParking
import PlaitSync
import Testing
import TestSupport

extension Barrier {
    /// A strand that waits at it.
    func start(_ kind: WaiterKind, within limit: Duration? = nil) -> Started<Int> {
        kind.start(
            { try self.wait(within: limit) }, task: { try await self.wait(within: limit) })
    }
}

@Suite(.timeLimit(.hang))
struct BarrierTests {
    struct Failure: Error {}

    // TH-034, AS-147
    @Test(arguments: [0, -1])
    func `fewer than one party traps`(_ parties: Int) async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) { [parties] in
            _ = Barrier(parties: parties)
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains("a Barrier needs at least 1 party, not \(parties)"))
    }

    // TH-040, AS-148, AS-149
    @Test(arguments: WaiterKind.allCases)
    func `one party passes again and again without waiting`(_ kind: WaiterKind) async throws {
        let barrier = Barrier(parties: 1)
        for _ in 0..<3 {
            #expect(try await barrier.start(kind).value() == 0)
            #expect(try await barrier.start(kind, within: .zero).value() == 0)
        }
        #expect(barrier.waiting == 0)
        #expect(!barrier.isBroken)
    }

    // TH-036
    @Test(arguments: WaiterKind.allCases)
    func `the action runs once for a pass, before any party goes on`(
        _ kind: WaiterKind
    ) async throws {
        let actions = Box(0)
        let barrier = Barrier(parties: 3) { actions.update { $0 += 1 } }
        for pass in 1...3 {
            let parties = (0..<3).map { _ in
                kind.start(
                    {
                        try barrier.wait()
                        return actions.value
                    },
                    task: {
                        try await barrier.wait()
                        return actions.value
                    })
            }
            for party in parties { #expect(try await party.value() == pass) }
        }
        #expect(actions.value == 3)
    }

    @Test func `the action may use the barrier, but not wait at it`() async throws {
        let seen = Box("")
        let made = Box<Barrier?>(nil)
        let barrier = Barrier(parties: 1) { seen.set("\(made.value.map { "\($0)" } ?? "")") }
        made.set(barrier)
        try await barrier.wait()
        #expect(seen.value.hasPrefix("Barrier(acting, waiting: 1/1, "))
        made.set(nil)
    }

    @Test(arguments: WaiterKind.allCases)
    func `an action that throws breaks the barrier; its error goes to who ran it`(
        _ kind: WaiterKind
    ) async throws {
        let fails = Box(true)
        let barrier = Barrier(parties: 2) { if fails.value { throw Failure() } }
        let first = barrier.start(kind)
        try await first.untilParked()
        await #expect(throws: Failure.self) { try await barrier.start(kind).value() }
        await #expect(throws: BarrierError.broken) { try await first.value() }
        #expect(barrier.isBroken)
        barrier.reset()
        fails.set(false)
        let parties = [barrier.start(kind), barrier.start(kind)]
        for party in parties { _ = try await party.value() }
        #expect(!barrier.isBroken)
    }

    // TH-037, AS-156
    @Test(arguments: WaiterKind.allCases)
    func `an abort breaks it for those who wait and those who come`(
        _ kind: WaiterKind
    ) async throws {
        let barrier = Barrier(parties: 4)
        let waiting = (0..<3).map { _ in barrier.start(kind) }
        for party in waiting { try await party.untilParked() }
        barrier.abort()
        for party in waiting {
            await #expect(throws: BarrierError.broken) { try await party.value() }
        }
        #expect(barrier.isBroken)
        #expect(barrier.waiting == 0)
        await #expect(throws: BarrierError.broken) { try await barrier.start(kind).value() }
    }

    // TH-038, AS-159
    @Test(arguments: WaiterKind.allCases)
    func `a reset makes a broken barrier as new`(_ kind: WaiterKind) async throws {
        let barrier = Barrier(parties: 3)
        for _ in 0..<2 {
            let waiting = [barrier.start(kind), barrier.start(kind)]
            for party in waiting { try await party.untilParked() }
            barrier.abort()
            for party in waiting {
                await #expect(throws: BarrierError.broken) { try await party.value() }
            }
            barrier.reset()
            #expect(!barrier.isBroken)
            let parties = (0..<3).map { _ in barrier.start(kind) }
            var indices: [Int] = []
            for party in parties { indices.append(try await party.value()) }
            #expect(indices.sorted() == [0, 1, 2])
        }
    }

    // AS-153
    @Test func `a reset of one that nobody waits at changes nothing`() async throws {
        let barrier = Barrier(parties: 2)
        barrier.reset()
        #expect(!barrier.isBroken)
        #expect(barrier.waiting == 0)
        let first = barrier.start(.thread)
        #expect(try await [barrier.wait(), first.value()].sorted() == [0, 1])
        barrier.reset()
        #expect("\(barrier)".hasPrefix("Barrier(filling, waiting: 0/2, "))
    }

    // TH-039
    @Test(arguments: WaiterKind.allCases)
    func `the limit given at first is that of waits that give none, and breaks it`(
        _ kind: WaiterKind
    ) async throws {
        let barrier = Barrier(parties: 2, within: .milliseconds(1))
        let party = kind.start({ try barrier.wait() }, task: { try await barrier.wait() })
        await #expect(throws: BarrierError.broken) { try await party.value() }
        #expect(barrier.isBroken)
        barrier.reset()
        // A wait may give its own.
        let patient = barrier.start(kind, within: nil)
        try await patient.untilParked()
        let other = kind.start({ try barrier.wait() }, task: { try await barrier.wait() })
        #expect(try await patient.value() + other.value() == 1)
    }

    @Test(arguments: WaiterKind.allCases)
    func `one whose limit passes breaks it for all`(_ kind: WaiterKind) async throws {
        let barrier = Barrier(parties: 3)
        let patient = barrier.start(kind)
        try await patient.untilParked()
        await #expect(throws: BarrierError.broken) {
            try await barrier.start(kind, within: .milliseconds(1)).value()
        }
        await #expect(throws: BarrierError.broken) { try await patient.value() }
        #expect(barrier.isBroken)
    }

    @Test(arguments: [Duration.zero, .seconds(-1)])
    func `no time at all breaks it, but for who completes it`(_ limit: Duration) async throws {
        let barrier = Barrier(parties: 2)
        let patient = barrier.start(.thread)
        try await patient.untilParked()
        _ = try await barrier.wait(within: limit)
        _ = try await patient.value()
        for kind in WaiterKind.allCases {
            await #expect(throws: BarrierError.broken) {
                try await barrier.start(kind, within: limit).value()
            }
            barrier.reset()
        }
    }

    @Test(arguments: WaiterKind.allCases)
    func `the limit includes the action`(_ kind: WaiterKind) async throws {
        let isActing = Event()
        let mayEnd = Event()
        let barrier = Barrier(parties: 2) {
            isActing.set()
            mayEnd.waitUncancellably()
        }
        // Again with a longer limit if it passed before the action began.
        var limit = Duration.milliseconds(10)
        while !isActing.isSet {
            mayEnd.clear()
            barrier.reset()
            let hasty = barrier.start(kind, within: limit)
            try await until { barrier.waiting == 1 || barrier.isBroken }
            let acting = barrier.start(.thread)
            await #expect(throws: BarrierError.broken) { try await hasty.value() }
            #expect(barrier.isBroken)
            mayEnd.set()
            await #expect(throws: BarrierError.broken) { try await acting.value() }
            limit *= 2
        }
    }

    // TH-041, AS-145, AS-146
    @Test func `it shows who waits, or that it is broken`() async throws {
        let barrier = Barrier(parties: 3)
        #expect("\(barrier)".hasPrefix("Barrier(filling, waiting: 0/3, "))
        let waiting = barrier.start(.fiber)
        try await waiting.untilParked()
        #expect("\(barrier)".hasPrefix("Barrier(filling, waiting: 1/3, "))
        #expect(barrier.waiting == 1)
        #expect(barrier.parties == 3)
        barrier.abort()
        #expect("\(barrier)".hasPrefix("Barrier(broken, "))
        await #expect(throws: BarrierError.broken) { try await waiting.value() }
        barrier.reset()
        #expect("\(barrier)".hasPrefix("Barrier(filling, waiting: 0/3, "))
    }

    @Test func `a pending cancellation does not end a wait that is not needed`() async throws {
        let barrier = Barrier(parties: 1)
        try await onThread { () throws in
            Strand.current.cancel()
            #expect(try barrier.wait() == 0)
            #expect(throws: CancellationError.self) { try Event().wait() }
        }
    }
}
