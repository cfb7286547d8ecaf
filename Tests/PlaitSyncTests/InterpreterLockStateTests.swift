import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

/// Every interleaving of three strands that acquire, lose patience, ask, give up, check, release
/// and come back.
struct InterpreterLockStateTests {
    private typealias State = InterpreterLockState<AgedPlainQueue>

    private enum Phase: Int { case idle, queued, ended, away, holding, outside, done }

    private struct Runner {
        var phase = Phase.idle
        var seeker: State.Seeker
        /// Those who wanted the lock when this strand let it go although asked: one of them is to
        /// have it first.
        var owes: Set<Int> = []
    }

    private struct World {
        var state: State
        var runners: [Runner]
        var clock: UInt64 = 1
        /// Time-outs, checks and ways outside that are left to all.
        var timeouts = 3
        var checks = 2
        var trips = 1
    }

    private final class Exploration {
        let outcomes = PlainOutcomes(count: 3)
        var seen: Set<[Int]> = []
        /// How often what the test is about has come up.
        var requests = 0
        var forced = 0
        var barred = 0

        func run(_ policy: InterpreterLockPolicy) {
            let runners = (0..<3).map { Runner(seeker: State.Seeker(key: key($0))) }
            explore(World(state: State(policy: policy), runners: runners))
        }

        private func key(_ number: Int) -> StrandKey { StrandKey(bits: UInt64(number + 1)) }

        private func waiter(_ number: Int) -> PlainWaiter {
            PlainWaiter(number: number, outcomes: outcomes)
        }

        /// As `#expect`, which is slow to succeed: this is asked a million times.
        private func demand(
            _ condition: Bool, _ message: @autoclosure () -> String = "",
            _ place: SourceLocation = #_sourceLocation
        ) {
            if !condition { Issue.record("\(message())", sourceLocation: place) }
        }

        // MARK: Steps

        private func explore(_ world: World) {
            check(world)
            guard seen.insert(summary(world)).inserted else { return }
            for number in world.runners.indices { advance(number, world) }
        }

        private func branch(_ world: World, _ change: (inout World) -> Void) {
            let before = outcomes.values
            var next = world
            change(&next)
            explore(next)
            outcomes.values = before
        }

        private func advance(_ number: Int, _ world: World) {
            let runner = world.runners[number]
            switch runner.phase {
            case .idle, .outside:
                branch(world) { self.seek(number, &$0) }
            case .queued:
                if outcomes.values[number] == .granted {
                    branch(world) { world in
                        world.state.arrive(self.key(number))
                        world.runners[number].phase = .holding
                        world.runners[number].seeker = State.Seeker(key: self.key(number))
                    }
                } else if outcomes.values[number] == .woken {
                    branch(world) { self.look(number, &$0) }
                    // Cancelled, or past its deadline, before it looks.
                    if !runner.seeker.isRetake { branch(world) { self.leave(number, &$0) } }
                } else if world.timeouts > 0 {
                    branch(world) { world in
                        self.outcomes.values[number] = .timedOut
                        world.timeouts -= 1
                        world.runners[number].phase = .ended
                    }
                }
            case .ended:
                branch(world) { world in
                    world.state.withdraw(self.waiter(number))
                    world.runners[number].phase = .away
                }
            case .away:
                branch(world) { world in
                    world.runners[number].seeker.isImpatient = world.state.policy.patience != nil
                    self.look(number, &world)
                }
                if !runner.seeker.isRetake { branch(world) { self.leave(number, &$0) } }
            case .holding: advanceHolder(number, world)
            case .done: break
            }
        }

        private func advanceHolder(_ number: Int, _ world: World) {
            if world.checks > 0 {
                branch(world) { world in
                    world.checks -= 1
                    self.checkForOthers(number, &world)
                }
            }
            if world.trips > 0 {
                branch(world) { world in
                    world.trips -= 1
                    self.release(number, &world, to: .outside)
                }
            }
            branch(world) { self.release(number, &$0, to: .done) }
        }

        /// As `acquire` begins, or what comes after a check.
        private func seek(_ number: Int, _ world: inout World) {
            if world.state.tryTake(key(number)) {
                take(number, &world)
            } else {
                look(number, &world)
            }
        }

        private func look(_ number: Int, _ world: inout World) {
            outcomes.values[number] = .pending
            world.clock += 1
            let asked = world.state.isRequested
            let isTaken = world.state.take(
                &world.runners[number].seeker, orQueue: waiter(number), now: world.clock)
            if !asked && world.state.isRequested { requests += 1 }
            if isTaken {
                take(number, &world)
            } else {
                world.runners[number].phase = .queued
            }
        }

        private func take(_ number: Int, _ world: inout World) {
            note(number, &world)
            world.runners[number].phase = .holding
            world.runners[number].seeker = State.Seeker(key: key(number))
        }

        /// `number` has it from now on.
        private func note(_ number: Int, _ world: inout World) {
            demand(world.runners[number].owes.isEmpty, "\(number) is quicker than those who asked")
            for other in world.runners.indices where other != number {
                world.runners[other].owes = []
            }
        }

        private func leave(_ number: Int, _ world: inout World) {
            carryOut(world.state.leave(world.runners[number].seeker), &world)
            world.runners[number].phase = .done
            for other in world.runners.indices { world.runners[other].owes.remove(number) }
        }

        private func checkForOthers(_ number: Int, _ world: inout World) {
            let owed = seekers(of: world)
            if world.state.policy.ticks != nil {
                let (isReleased, effect) = world.state.offer()
                demand(isReleased == !owed.isEmpty)
                carryOut(effect, &world)
                if isReleased { goOutside(number, &world) }
                return
            }
            let isRequested = world.state.isRequested
            let effect = world.state.honourRequest()
            guard case .handOver = effect else { return }
            demand(isRequested, "nobody asked")
            forced += 1
            world.runners[number].owes = owed
            carryOut(effect, &world)
            goOutside(number, &world)
        }

        private func release(_ number: Int, _ world: inout World, to phase: Phase) {
            let owed = seekers(of: world)
            if world.state.isRequested { world.runners[number].owes = owed }
            carryOut(world.state.release(), &world)
            if world.state.barred == key(number) { barred += 1 }
            if phase == .outside {
                goOutside(number, &world)
            } else {
                world.runners[number].phase = .done
                world.runners[number].owes = []
            }
        }

        private func goOutside(_ number: Int, _ world: inout World) {
            world.runners[number].phase = .outside
            world.runners[number].seeker = State.Seeker(key: key(number), isRetake: true)
        }

        private func carryOut(_ effect: State.Effect, _ world: inout World) {
            switch effect {
            case .none: break
            case .wake(let waiter): demand(outcomes.values[waiter.number] == .woken)
            case .handOver(let waiter):
                demand(outcomes.values[waiter.number] == .granted)
                let since = world.runners[waiter.number].seeker.since ?? 0
                for (number, runner) in world.runners.enumerated()
                where runner.phase == .queued && outcomes.values[number] == .pending {
                    demand((runner.seeker.since ?? 0) > since, "\(number) has waited longer")
                }
                note(waiter.number, &world)
            }
        }

        // MARK: What must hold

        private func seekers(of world: World) -> Set<Int> {
            Set(
                world.runners.indices.filter { number in
                    switch world.runners[number].phase {
                    case .queued: outcomes.values[number] != .granted
                    case .ended, .away: true
                    case .idle, .holding, .outside, .done: false
                    }
                })
        }

        private func check(_ world: World) {
            let state = world.state
            let owners = world.runners.indices.filter { number in
                let phase = world.runners[number].phase
                return phase == .holding
                    || (phase == .queued && outcomes.values[number] == .granted)
            }
            demand(owners.count == (state.isHeld ? 1 : 0), "\(owners) have it")
            if let owner = owners.first, world.runners[owner].phase == .holding {
                demand(state.holder == key(owner))
            }
            let seekers = seekers(of: world)
            demand(state.seekers == seekers.count)
            if state.isRequested {
                demand(state.isHeld && !seekers.isEmpty, "a request by nobody, or for nothing")
            }
            // A strand that will look again, or pass on what it was woken for.
            let isAnyoneOnTheWay = seekers.contains {
                world.runners[$0].phase != .queued || outcomes.values[$0] == .woken
            }
            if !state.isHeld && !seekers.isEmpty {
                demand(isAnyoneOnTheWay, "\(seekers) wait for a lock that is free")
            }
            if state.barred != .none {
                demand(!state.isHeld && isAnyoneOnTheWay, "barred for nobody's sake")
            }
        }

        /// All that the future depends on: equal summaries, equal futures.
        private func summary(_ world: World) -> [Int] {
            let state = world.state
            var result = [
                Int(state.holder.bits), Int(state.lastHolder.bits), Int(state.barred.bits),
                (state.isHeld ? 1 : 0) + (state.isRequested ? 2 : 0) + (state.barredSeeks ? 4 : 0),
                state.seekers, world.timeouts, world.checks, world.trips,
            ]
            result += state.waiters.numbers + [-1]
            let ages = world.runners.map { $0.seeker.since ?? .max }
            for (number, runner) in world.runners.enumerated() {
                result += [
                    runner.phase.rawValue, Int(outcomes.values[number].rawValue),
                    runner.owes.reduce(0) { $0 | 1 << $1 },
                    runner.seeker.isRetake ? 1 : 0,
                    runner.seeker.era == state.statistics.switches ? 1 : 0,
                    ages.count { $0 < ages[number] }, runner.seeker.since == nil ? 1 : 0,
                ]
            }
            return result
        }
    }

    @Test(.enabled(if: exploresAll, "explored to the end in release builds"))
    func `whoever asks is served before the old holder, in every order of steps`() {
        let exploration = Exploration()
        exploration.run(.interval())
        #expect(exploration.seen.count > 10_000)
        #expect(exploration.requests > 100)
        #expect(exploration.forced > 100)
        #expect(exploration.barred > 100)
    }

    @Test(.enabled(if: exploresAll, "explored to the end in release builds"))
    func `with ticks no order of steps loses a wakeup, and nobody asks`() {
        let exploration = Exploration()
        exploration.run(.ticks(every: 1))
        #expect(exploration.seen.count > 1_000)
        #expect(exploration.requests == 0)
        #expect(exploration.barred == 0)
    }
}
