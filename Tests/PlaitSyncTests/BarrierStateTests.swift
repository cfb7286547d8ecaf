import PlaitPlatform
import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

/// Every interleaving of three strands that come to a ``Barrier``, twice each, time out, are
/// cancelled, and of an abort and a reset.
struct BarrierStateTests {
    private enum Phase: Equatable {
        case away, waiting, heldBack, acting
        /// Its wait has ended, and it has not left.
        case woken, released, timedOut, cancelled, heldBackTimedOut, heldBackCancelled
    }

    private struct World: ExploredWorld {
        let outcomes = PlainOutcomes(count: 3)
        var state: BarrierState<PlainQueue>
        let hasAction: Bool
        var phases = Array(repeating: Phase.away, count: 3)
        var turns: [Int]
        var mayAbort: Bool
        var mayReset: Bool
        /// The indices given in the pass that is being left, and whether it was made.
        var indices: [Int] = []
        var isMade = false
        /// What became known of the present pass: nobody may go past that.
        var isBroken = false

        init(parties: Int, hasAction: Bool, turns: [Int], mayAbort: Bool, mayReset: Bool) {
            state = BarrierState(parties: parties, hasAction: hasAction)
            self.hasAction = hasAction
            self.turns = turns
            self.mayAbort = mayAbort
            self.mayReset = mayReset
        }

        var inside: Int {
            phases.count { [.waiting, .acting, .woken, .timedOut, .cancelled].contains($0) }
        }

        func check() {
            expect(state.members == inside)
            expect(inside <= state.parties, "a pass began before all had left the last")
            let waiting = phases.count { $0 == .waiting }
            switch state.phase {
            case .filling:
                expect(inside < state.parties, "a full barrier that nobody passes")
                expect(!phases.contains(.heldBack), "held back by nobody")
                expect(!phases.contains(.acting) && !phases.contains(.woken))
            case .acting:
                expect(phases.contains(.acting) && hasAction)
            case .draining, .resetting:
                expect(inside > 0, "nobody is left who would end it")
                expect(waiting == 0, "not woken")
            case .broken:
                expect(waiting == 0 && !phases.contains(.heldBack), "not woken")
            }
        }

        var steps: [Step] {
            var steps = phases.indices.flatMap { strand -> [Step] in
                switch phases[strand] {
                case .away where turns[strand] > 0: [{ $0.come(strand) }]
                case .away: []
                // Held back and released: it arrives anew.
                case .released: [{ $0.arrive(strand) }]
                case .waiting:
                    [{ $0.end(strand, .timedOut) }, { $0.end(strand, .cancelled) }]
                case .heldBack:
                    [{ $0.end(strand, .timedOut) }, { $0.end(strand, .cancelled) }]
                case .acting:
                    [{ $0.finishAction(strand, true) }, { $0.finishAction(strand, false) }]
                case .woken:
                    [
                        { world in
                            let departure = world.state.depart()
                            world.leave(strand, departure)
                        }
                    ]
                case .timedOut: [{ $0.timeOut(strand) }]
                case .cancelled:
                    [
                        { world in
                            world.state.cancel(world.waiter(strand))
                            world.leave(strand, nil)
                        }
                    ]
                case .heldBackTimedOut:
                    [
                        { world in
                            world.state.timeOutHeldBack(world.waiter(strand))
                            world.leave(strand, nil)
                        }
                    ]
                case .heldBackCancelled:
                    [
                        { world in
                            world.state.cancelHeldBack(world.waiter(strand))
                            world.leave(strand, nil)
                        }
                    ]
                }
            }
            if mayAbort { steps.append { $0.abort() } }
            if mayReset { steps.append { $0.reset() } }
            return steps
        }

        mutating func come(_ strand: Int) {
            turns[strand] -= 1
            arrive(strand)
        }

        mutating func arrive(_ strand: Int) {
            outcomes.values[strand] = .pending
            let before = state.phase
            switch state.arrive(orQueue: waiter(strand)) {
            case .passed(let index):
                expect(!hasAction && inside == state.parties - 1)
                beginPass()
                leave(strand, .passed(index: index))
            case .acts:
                expect(hasAction && inside == state.parties - 1)
                phases[strand] = .acting
                settle()
            case .waits:
                expect(before == .filling)
                phases[strand] = .waiting
                settle()
            case .isHeldBack:
                expect([.acting, .draining, .resetting].contains(before))
                phases[strand] = .heldBack
                settle()
            case .broken:
                expect(before == .broken)
                leave(strand, nil)
            }
        }

        mutating func end(_ strand: Int, _ outcome: WaitOutcome) {
            outcomes.values[strand] = outcome
            switch (phases[strand], outcome) {
            case (.waiting, .timedOut): phases[strand] = .timedOut
            case (.waiting, _): phases[strand] = .cancelled
            case (_, .timedOut): phases[strand] = .heldBackTimedOut
            case (_, _): phases[strand] = .heldBackCancelled
            }
        }

        mutating func timeOut(_ strand: Int) {
            let before = state.phase
            let departure = state.timeOut(waiter(strand))
            // The limit passed too late to matter, or it breaks the barrier.
            expect((departure == .broken) == (before != .draining))
            expect(departure != .broken || state.phase != .draining)
            leave(strand, departure)
        }

        mutating func finishAction(_ strand: Int, _ isDone: Bool) {
            let before = state.phase
            let departure = state.finishAction(isDone: isDone)
            expect((departure != .broken) == (isDone && before == .acting))
            if departure != .broken { beginPass() }
            leave(strand, departure)
        }

        mutating func abort() {
            mayAbort = false
            state.abort()
            isBroken = true
            settle()
        }

        mutating func reset() {
            mayReset = false
            let wasDraining = state.phase == .draining
            state.reset()
            expect((state.phase == .draining) == wasDraining)
            expect(state.phase != .broken)
            settle()
        }

        private mutating func beginPass() {
            isMade = true
            isBroken = false
            indices = []
        }

        private mutating func leave(_ strand: Int, _ departure: BarrierState<PlainQueue>.Departure?)
        {
            if case .passed(let index) = departure {
                expect(isMade && !isBroken, "passed what was not made")
                expect(!indices.contains(index), "index \(index) was given twice")
                indices = (indices + [index]).sorted()
                expect((0..<state.parties).contains(index))
            }
            phases[strand] = .away
            settle()
        }

        /// Wakes whom the last step concerns.
        private mutating func settle() {
            while let waiter = state.nextWoken() {
                switch phases[waiter.number] {
                case .waiting: phases[waiter.number] = .woken
                case .heldBack: phases[waiter.number] = .released
                default: Issue.record("woke \(waiter.number), which does not wait")
                }
            }
            if inside == 0 { (isMade, isBroken) = (false, false) }
        }
    }

    @Test(
        .enabled(if: exploresAll, "explored to the end in release builds"),
        arguments: [(1, true), (2, false), (3, true)])
    func `no order of steps strands a party, mixes two passes or gives an index twice`(
        _ parties: Int, _ hasAction: Bool
    ) {
        let world = World(
            parties: parties, hasAction: hasAction, turns: [2, 1, 1], mayAbort: true,
            mayReset: true)
        #expect(world.explore() > 5_000)
    }

    @Test(
        .enabled(if: exploresAll, "explored to the end in release builds"),
        arguments: [(1, false), (2, true), (3, false)])
    func `nor do time-outs, cancellations and failing actions alone`(
        _ parties: Int, _ hasAction: Bool
    ) {
        let world = World(
            parties: parties, hasAction: hasAction, turns: [2, 1, 1], mayAbort: false,
            mayReset: false)
        #expect(world.explore() > (parties == 1 ? 10 : 1_000))
    }
}
