import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

/// Every interleaving of three strands that acquire, give up, withdraw and release.
struct SemaphoreStateTests {
    @Test func `many permits go to those who wait, oldest first, and the rest back`() {
        let outcomes = PlainOutcomes(count: 3)
        var state = SemaphoreState<PlainQueue>(permits: 0)
        for number in 0..<3 {
            let isTaken = state.acquire(orQueue: PlainWaiter(number: number, outcomes: outcomes))
            #expect(!isTaken)
        }
        var woken: [Int] = []
        state.release(2) { woken.append($0.number) }
        #expect(woken == [0, 1] && state.permits == 0)
        state.release(1_000_000_000_000) { woken.append($0.number) }
        #expect(woken == [0, 1, 2] && state.permits == 999_999_999_999)
    }

    private enum Phase { case idle, waiting, gaveUp, holding, done }

    /// The state under test, and what is expected of it.
    private struct World {
        var state: SemaphoreState<PlainQueue>
        var phases = Array(repeating: Phase.idle, count: 3)
        /// Those who wait, oldest first.
        var line: [Int] = []
        /// Permits that exist.
        var total: Int
        /// Releases by somebody who never acquired.
        var extraReleases: Int
    }

    private final class Exploration {
        let outcomes = PlainOutcomes(count: 3)
        var seen: Set<String> = []

        func waiter(_ number: Int) -> PlainWaiter {
            PlainWaiter(number: number, outcomes: outcomes)
        }

        func explore(_ world: World) {
            check(world)
            guard seen.insert("\(world) \(outcomes.values)").inserted else { return }
            for strand in world.phases.indices { advance(strand, world) }
            if world.extraReleases > 0 {
                branch(world) { world in
                    world.extraReleases -= 1
                    world.total += 1
                    release(&world)
                }
            }
        }

        private func advance(_ strand: Int, _ world: World) {
            switch world.phases[strand] {
            case .idle:
                branch(world) { world in
                    if world.state.acquire(orQueue: waiter(strand)) {
                        world.phases[strand] = .holding
                        #expect(world.line.isEmpty, "a permit went past \(world.line)")
                    } else {
                        world.phases[strand] = .waiting
                        world.line.append(strand)
                    }
                }
                branch(world) { world in
                    world.phases[strand] = world.state.tryAcquire() ? .holding : .done
                }
            case .waiting:
                branch(world) { world in
                    outcomes.values[strand] = .timedOut
                    world.phases[strand] = .gaveUp
                    world.line.removeAll { $0 == strand }
                }
            case .gaveUp:
                branch(world) { world in
                    world.state.withdraw(waiter(strand))
                    world.phases[strand] = .done
                }
            case .holding:
                branch(world) { world in
                    world.phases[strand] = .done
                    release(&world)
                }
            case .done: break
            }
        }

        private func branch(_ world: World, _ change: (inout World) -> Void) {
            let before = outcomes.values
            var next = world
            change(&next)
            explore(next)
            outcomes.values = before
        }

        private func release(_ world: inout World) {
            var woken: PlainWaiter?
            world.state.release(1) { woken = $0 }
            #expect(woken?.number == world.line.first, "not the oldest of \(world.line)")
            guard let woken else { return }
            world.line.removeAll { $0 == woken.number }
            world.phases[woken.number] = .holding
        }

        private func check(_ world: World) {
            let held = world.phases.count { $0 == .holding }
            #expect(world.state.permits + held == world.total)
            #expect(
                world.line.isEmpty || world.state.permits == 0, "\(world.line) wait for nothing")
            if world.state.bound < .max {
                // Whoever waits: what is held may come back, and no more.
                #expect(world.state.mayRelease(held) && !world.state.mayRelease(held + 1))
            }
        }
    }

    @Test(arguments: 0...3, 0...3)
    func `no order of steps loses a permit, a wakeup or the order of waiters`(
        _ permits: Int, _ extraReleases: Int
    ) {
        let exploration = Exploration()
        exploration.explore(
            World(
                state: SemaphoreState(permits: permits), total: permits,
                extraReleases: extraReleases))
        #expect(exploration.seen.count > 20)
    }

    @Test(arguments: 0...3)
    func `a bounded one takes back what is held, in every order of steps`(_ permits: Int) {
        let exploration = Exploration()
        exploration.explore(
            World(
                state: SemaphoreState(permits: permits, bound: permits), total: permits,
                extraReleases: 0))
        #expect(exploration.seen.count > 20)
    }
}
