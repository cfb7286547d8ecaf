import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

/// Every interleaving of three strands that get, fail to make, give up and give back.
struct ResourcePoolStateTests {
    private enum Phase: Equatable { case idle, waiting, gaveUp, making, holding(Int), done }

    /// The state under test, and what is expected of it.
    private struct World {
        var state: ResourcePoolState<Int, PlainQueue>
        var phases = Array(repeating: Phase.idle, count: 3)
        /// Those who wait, oldest first.
        var line: [Int] = []
        var lastMade = 0
        /// Changes of the maximum that are to come.
        var sizes: [Int]
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
            if let size = world.sizes.first {
                branch(world) { world in
                    world.sizes.removeFirst()
                    let (_, woken) = world.state.resize(to: size)
                    for waiter in woken { wake(waiter, .making, &world) }
                }
            }
        }

        private func advance(_ strand: Int, _ world: World) {
            switch world.phases[strand] {
            case .idle:
                branch(world) { world in
                    switch world.state.get(orQueue: waiter(strand)) {
                    case .resource(let resource): world.phases[strand] = .holding(resource)
                    case .place: world.phases[strand] = .making
                    case nil:
                        world.phases[strand] = .waiting
                        world.line.append(strand)
                        return
                    }
                    #expect(world.line.isEmpty, "one went past \(world.line)")
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
            case .making:
                branch(world) { world in
                    world.lastMade += 1
                    world.phases[strand] = .holding(world.lastMade)
                }
                branch(world) { world in giveUpPlace(strand, &world) }
            case .holding(let resource):
                branch(world) { world in
                    world.phases[strand] = .done
                    switch world.state.put(resource) {
                    case .stored: #expect(world.line.isEmpty, "\(world.line) were not woken")
                    case .handTo(let waiter): wake(waiter, .holding(resource), &world)
                    case .dropped: #expect(world.state.count >= world.state.maximum)
                    }
                }
                branch(world) { world in giveUpPlace(strand, &world) }
            case .done: break
            }
        }

        private func giveUpPlace(_ strand: Int, _ world: inout World) {
            world.phases[strand] = .done
            if let waiter = world.state.giveUpPlace() { wake(waiter, .making, &world) }
        }

        private func wake(_ waiter: PlainWaiter, _ phase: Phase, _ world: inout World) {
            #expect(world.line.first == waiter.number, "not the oldest of \(world.line)")
            world.line.removeAll { $0 == waiter.number }
            world.phases[waiter.number] = phase
        }

        private func branch(_ world: World, _ change: (inout World) -> Void) {
            let before = outcomes.values
            var next = world
            change(&next)
            explore(next)
            outcomes.values = before
        }

        private func check(_ world: World) {
            let held = world.phases.count { phase in
                switch phase {
                case .making, .holding: true
                case .idle, .waiting, .gaveUp, .done: false
                }
            }
            #expect(world.state.count == held + world.state.idle.count)
            #expect(world.line.isEmpty || world.state.free == 0, "\(world.line) wait for nothing")
            let queued = world.phases.count { $0 == .waiting || $0 == .gaveUp }
            #expect(world.state.waiting == queued)
        }
    }

    @Test(arguments: 1...3, [[], [1], [2], [3, 1], [1, 2]])
    func `no order of steps loses a place, a resource or the order of waiters`(
        _ maximum: Int, _ sizes: [Int]
    ) {
        for isStack in [false, true] {
            let exploration = Exploration()
            let state = ResourcePoolState<Int, PlainQueue>(maximum: maximum, isStack: isStack)
            exploration.explore(World(state: state, sizes: sizes))
            #expect(exploration.seen.count > 50)
        }
    }
}
