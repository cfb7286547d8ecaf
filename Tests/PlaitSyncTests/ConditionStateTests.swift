import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

/// Every interleaving of three strands that wait, time out, are cancelled, withdraw and take the
/// lock again, and of somebody who notifies.
struct ConditionStateTests {
    enum Phase: Hashable {
        case idle
        /// Has the lock before its wait; has queued, and has the lock still.
        case holds, enrolled
        case waits
        /// Its wait ended; it wants the lock.
        case withdraws(WaitOutcome), returns(WaitOutcome)
        /// Has the lock after its wait.
        case holdsAgain
        case done
    }

    struct Strand: Hashable {
        var phase = Phase.idle
        /// A cancellation is to come; it has come, and was not delivered.
        var isToBeCancelled = true
        var isCancelRequested = false
        var wasNotified = false
    }

    struct World {
        var state = ConditionState<PlainQueue>()
        var strands = Array(repeating: Strand(), count: 3)
        var outcomes = Array(repeating: WaitOutcome.pending, count: 3)
        /// Who wait, oldest first: those whom a notification can reach.
        var line: [Int] = []
        /// Who has the lock; 3 is who notifies.
        var holder: Int?
        /// Notifications yet to be given.
        var left: Int
        /// Notifications that are on their way to a strand.
        var underWay = 0

        struct Key: Hashable {
            let strands: [Strand]
            let outcomes: [WaitOutcome]
            let line: [Int]
            let holder: Int?
            let left: Int
        }

        var key: Key {
            Key(strands: strands, outcomes: outcomes, line: line, holder: holder, left: left)
        }
    }

    final class Exploration {
        let outcomes = PlainOutcomes(count: 3)
        private(set) var seen: Set<World.Key> = []
        private(set) var passedOn = 0
        private var open: [World] = []
        private let isAll: Bool

        /// - Parameter isAll: Each notification is one for all.
        init(isAll: Bool) { self.isAll = isAll }

        func explore(from start: World) {
            add(start)
            while let world = open.popLast() {
                check(world)
                for number in world.strands.indices {
                    advance(number, world)
                    cancel(number, world)
                }
                actAsNotifier(world)
            }
        }

        private func add(_ world: World) {
            if seen.insert(world.key).inserted { open.append(world) }
        }

        private func branch(_ world: World, _ change: (inout World) -> Void) {
            var next = world
            outcomes.values = world.outcomes
            change(&next)
            next.outcomes = outcomes.values
            add(next)
        }

        private func check(_ world: World) {
            for (number, strand) in world.strands.enumerated() {
                switch strand.phase {
                case .holds, .enrolled, .holdsAgain: #expect(world.holder == number)
                default: #expect(world.holder != number)
                }
            }
            let returning = world.strands.indices.count { number in
                world.outcomes[number].isWoken
                    && [.waits, .returns(.woken)].contains(world.strands[number].phase)
            }
            #expect(world.underWay == returning, "a notification is lost: \(world)")
            let areDone = world.strands.allSatisfy { $0.phase == .done }
            #expect(!areDone || world.line.isEmpty)
        }

        private func advance(_ number: Int, _ world: World) {
            let strand = world.strands[number]
            switch strand.phase {
            case .idle where world.holder == nil:
                branch(world) { world in
                    world.holder = number
                    world.strands[number].phase = .holds
                }
            case .holds: branch(world) { wait(number, &$0) }
            case .enrolled:
                branch(world) { world in
                    world.holder = nil
                    world.strands[number].phase = .waits
                }
            case .waits where world.outcomes[number] == .pending:
                branch(world) { world in
                    outcomes.values[number] = .timedOut
                    world.line.removeAll { $0 == number }
                }
            case .waits:
                branch(world) { world in
                    let outcome = outcomes.values[number]
                    world.strands[number].phase =
                        outcome.isWoken ? .returns(outcome) : .withdraws(outcome)
                }
            case .withdraws(let outcome):
                branch(world) { world in
                    world.state.withdraw(waiter(number))
                    world.strands[number].phase = .returns(outcome)
                }
            case .returns(let outcome) where world.holder == nil:
                branch(world) { world in
                    world.holder = number
                    leave(number, &world, outcome)
                }
            case .holdsAgain:
                branch(world) { world in
                    world.holder = nil
                    world.strands[number].phase = .done
                }
            case .idle, .returns, .done: break
            }
        }

        /// One who was cancelled before its wait keeps the lock.
        private func wait(_ number: Int, _ world: inout World) {
            if world.strands[number].isCancelRequested {
                leave(number, &world, .cancelled)
            } else {
                world.state.wait(waiter(number))
                world.line.append(number)
                world.strands[number].phase = .enrolled
            }
        }

        private func leave(_ number: Int, _ world: inout World, _ outcome: WaitOutcome) {
            let isCancelled = outcome == .cancelled || world.strands[number].isCancelRequested
            let next = world.state.leave(outcome, isCancelled: isCancelled)
            world.strands[number].phase = .holdsAgain
            world.strands[number].isCancelRequested = false
            if outcome.isWoken { world.underWay -= 1 }
            if outcome.isWoken && isCancelled {
                expectNotified(next, &world)
                if next != nil { passedOn += 1 }
            } else {
                #expect(next == nil, "a notification out of nothing")
            }
        }

        private func cancel(_ number: Int, _ world: World) {
            let strand = world.strands[number]
            guard strand.isToBeCancelled, strand.phase != .done else { return }
            branch(world) { world in
                world.strands[number].isToBeCancelled = false
                let waits = strand.phase == .waits || strand.phase == .enrolled
                if waits && outcomes.values[number] == .pending {
                    outcomes.values[number] = .cancelled
                    world.line.removeAll { $0 == number }
                } else {
                    world.strands[number].isCancelRequested = true
                }
            }
        }

        private func actAsNotifier(_ world: World) {
            if world.holder == nil && world.left > 0 {
                branch(world) { $0.holder = 3 }
            }
            guard world.holder == 3 else { return }
            branch(world) { $0.holder = nil }
            guard world.left > 0 else { return }
            branch(world) { world in
                world.left -= 1
                repeat {
                    let next = world.state.notify()
                    expectNotified(next, &world)
                    if next == nil { break }
                } while isAll
            }
        }

        /// The notification must have gone to the oldest, if anyone waits.
        private func expectNotified(_ waiter: PlainWaiter?, _ world: inout World) {
            #expect(waiter?.number == world.line.first, "not the oldest of \(world.line)")
            if waiter == nil { return }
            world.line.removeFirst()
            world.underWay += 1
        }

        private func waiter(_ number: Int) -> PlainWaiter {
            PlainWaiter(number: number, outcomes: outcomes)
        }
    }

    // AS-126, AS-133
    @Test(
        .enabled(if: exploresAll, "explored to the end in release builds"), arguments: 0...3,
        [false, true])
    func `no order of steps loses a notification or the order of waiters`(
        _ notifications: Int, _ isAll: Bool
    ) {
        let exploration = Exploration(isAll: isAll)
        exploration.explore(from: World(left: notifications))
        #expect(exploration.seen.count > 1_000)
        #expect((exploration.passedOn > 0) == (notifications > 0))
    }
}
