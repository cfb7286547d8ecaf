import PlaitParking
import PlaitPlatform
@testable import PlaitStrands
import TestSupport
import Testing

/// Every interleaving of a few workers with work that comes, limits that change and a shut down.
struct PoolStateTests {
    private enum Phase { case coming, working(Int), parked, gaveUp, gone }

    /// The state under test, and what has happened to it.
    private struct World {
        var state: PoolState<PlainQueue, Int>
        var workers: [Phase] = []
        var submitted = 0
        var done: Set<Int> = []
        /// What others will do yet.
        var submits: Int
        var limits: [Int]
        var closes: Bool
        var timeouts = 1
        var holdUps = 1
    }

    private final class Exploration {
        let outcomes = PlainOutcomes(count: 12)
        var seen: Set<String> = []
        var ends = 0

        func waiter(_ number: Int) -> PlainWaiter {
            PlainWaiter(number: number, outcomes: outcomes)
        }

        func explore(_ world: World) {
            check(world)
            guard seen.insert("\(world) \(outcomes.values)").inserted else { return }
            var isOver = true
            for number in world.workers.indices {
                if advance(number, world) { isOver = false }
            }
            if world.submits > 0 && world.state.closing == nil {
                isOver = false
                branch(world) { world in
                    world.submits -= 1
                    world.state.add(world.submitted)
                    world.submitted += 1
                    cover(&world)
                }
            }
            if let limit = world.limits.first, world.state.closing == nil {
                isOver = false
                branch(world) { world in
                    world.limits.removeFirst()
                    world.state.setLimit(limit)
                    dismiss(&world)
                    cover(&world)
                }
            }
            if world.closes && world.state.closing == nil && world.state.limit > 0 {
                isOver = false
                branch(world) { world in
                    world.state.close(as: .shutDown)
                    dismiss(&world)
                }
            }
            if isOver { checkEnd(world) }
        }

        /// Whether the worker can go on by itself; being idle for too long does not count.
        private func advance(_ number: Int, _ world: World) -> Bool {
            switch world.workers[number] {
            case .coming:
                branch(world) { world in
                    outcomes.values[number] = .pending
                    follow(world.state.look(orQueue: waiter(number)), number, &world)
                }
                return true
            case .working(let item):
                branch(world) { world in
                    world.state.comeBack(isCompleted: true)
                    world.done.insert(item)
                    world.workers[number] = .coming
                }
                if world.holdUps > 0 {
                    branch(world) { world in
                        world.holdUps -= 1
                        world.state.comeBack(isCompleted: false)
                        world.state.holdUp()
                        cover(&world)
                    }
                }
                return true
            case .parked where outcomes.values[number] == .woken:
                branch(world) { $0.workers[number] = .coming }
                return true
            case .parked:
                guard world.timeouts > 0 else { return false }
                branch(world) { world in
                    world.timeouts -= 1
                    outcomes.values[number] = .timedOut
                    world.workers[number] = .gaveUp
                }
                return false
            case .gaveUp:
                branch(world) { world in
                    follow(world.state.giveUp(waiter(number)), number, &world)
                }
                return true
            case .gone: return false
            }
        }

        private func follow(
            _ look: PoolState<PlainQueue, Int>.Look, _ number: Int, _ world: inout World
        ) {
            switch look {
            case .work(let item): world.workers[number] = .working(item)
            case .park: world.workers[number] = .parked
            case .end:
                world.workers[number] = .gone
                cover(&world)
            }
        }

        private func cover(_ world: inout World) {
            while true {
                switch world.state.cover() {
                case .none: return
                case .wake: break
                case .start: world.workers.append(.coming)
                }
            }
        }

        private func dismiss(_ world: inout World) {
            while world.state.dismiss() != nil {}
        }

        private func branch(_ world: World, _ change: (inout World) -> Void) {
            let before = outcomes.values
            var next = world
            change(&next)
            explore(next)
            outcomes.values = before
        }

        private func check(_ world: World) {
            let state = world.state
            var counts = (coming: 0, working: 0, alive: 0, pending: 0)
            for (number, phase) in world.workers.enumerated() {
                switch phase {
                case .coming: counts.coming += 1
                case .working: counts.working += 1
                case .parked where outcomes.values[number] == .woken: counts.coming += 1
                case .parked: counts.pending += 1
                case .gaveUp: break
                case .gone: continue
                }
                counts.alive += 1
            }
            #expect(counts.alive == state.threads)
            #expect(counts.coming == state.coming)
            #expect(counts.working == state.working)
            if world.limits.isEmpty && state.limit == 2 {
                #expect(state.isCovered || counts.pending == 0, "work waits beside an idle worker")
                #expect(state.isCovered || state.threads >= 2, "work waits, and a thread may start")
            }
        }

        private func checkEnd(_ world: World) {
            ends += 1
            #expect(world.state.threads <= world.state.limit)
            if world.state.limit > 0 {
                #expect(world.done.count == world.submitted, "work was left")
                #expect(world.state.closing == nil || world.state.isOver, "a worker was left")
            } else {
                #expect(world.state.threads == 0)
            }
        }
    }

    @Test(
        .enabled(if: exploresAll, "explored to the end in release builds"),
        arguments: [false, true], [[], [2, 1], [0], [1, 2], [2, 0]])
    func `no order of steps leaves work, or has too many threads`(
        _ closes: Bool, _ limits: [Int]
    ) {
        let exploration = Exploration()
        exploration.explore(
            World(
                state: PoolState(limit: limits.isEmpty ? 2 : 1), submits: limits.count < 2 ? 3 : 2,
                limits: limits,
                closes: closes))
        #expect(exploration.seen.count > 100)
        #expect(exploration.ends > 0)
    }

    @Test func `the worker that was idle last is woken first`() async throws {
        let guardLock = ShortLock()
        let idle = Confined(WaiterStack())
        let order = Box<[Int]>([])
        let workers = try await (0..<3).asyncMap { number in
            let worker = WaiterKind.thread.start(
                {
                    _ = Parking.block(
                        on: WaitTarget("test"), until: .never,
                        enrol: { worker in
                            guardLock.withLock { idle.value.append(worker) }
                            return true
                        }, withdraw: { _ in })
                    order.update { $0.append(number) }
                }, task: {})
            try await worker.untilParked()
            return worker
        }
        for worker in workers.reversed() {
            guardLock.withLock { idle.value.claimFirst() }?.unpark()
            try await worker.value()
        }
        #expect(order.value == [2, 1, 0])
        #expect(idle.value.isEmpty)
    }
}
