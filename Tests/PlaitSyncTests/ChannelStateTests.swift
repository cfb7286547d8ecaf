import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

/// Every interleaving of a few strands that send, receive, give up and withdraw, and of a close.
struct ChannelStateTests {
    enum Role: Sendable { case send, receive }
    private enum Phase: Equatable {
        case idle, waiting, sent, refused
        case gaveUp(WaitOutcome)
        case received(Int)
    }

    private struct World {
        var state: ChannelState<Int, PlainQueue>
        var phases: [Phase]
        /// Those who wait, oldest first.
        var receivers: [Int] = []
        var senders: [Int] = []
        /// Items in the order in which the channel took them, and in which it gave them.
        var taken: [Int] = []
        var given: [Int] = []
        var mayClose: Bool
    }

    private final class Exploration {
        let roles: [Role]
        let outcomes: PlainOutcomes
        var seen: Set<String> = []
        /// How many ends there are, with every strand done.
        var ends = 0

        init(_ roles: [Role]) {
            self.roles = roles
            outcomes = PlainOutcomes(count: roles.count)
        }

        func waiter(_ number: Int) -> PlainWaiter {
            PlainWaiter(number: number, outcomes: outcomes)
        }

        func explore(_ world: World) {
            check(world)
            guard seen.insert("\(world) \(outcomes.values)").inserted else { return }
            for strand in roles.indices {
                switch world.phases[strand] {
                case .idle: branch(world) { start(strand, &$0) }
                case .waiting:
                    // The fourth strand would make it three times as many worlds.
                    let outcomes: [WaitOutcome] =
                        roles.count > 3 ? [.cancelled] : [.timedOut, .cancelled]
                    for outcome in outcomes {
                        branch(world) { giveUp(strand, outcome, &$0) }
                    }
                case .gaveUp: branch(world) { withdraw(strand, &$0) }
                default: break
                }
            }
            if world.mayClose { branch(world) { close(&$0) } }
            checkEnd(world)
        }

        private func branch(_ world: World, _ change: (inout World) -> Void) {
            let before = outcomes.values
            var next = world
            change(&next)
            explore(next)
            outcomes.values = before
        }

        /// A sender's item is its number.
        private func start(_ strand: Int, _ world: inout World) {
            switch roles[strand] {
            case .send: send(strand, &world)
            case .receive: receive(strand, &world)
            }
        }

        private func send(_ strand: Int, _ world: inout World) {
            switch world.state.send(strand) {
            case .stored:
                #expect(world.receivers.isEmpty, "\(world.receivers) were not woken")
                world.taken.append(strand)
                world.phases[strand] = .sent
            case .handTo(let receiver):
                #expect(world.receivers.first == receiver.number, "not the oldest receiver")
                world.receivers.removeAll { $0 == receiver.number }
                world.taken.append(strand)
                world.given.append(strand)
                world.phases[strand] = .sent
                world.phases[receiver.number] = .received(strand)
            case .full:
                #expect(world.state.items.count == world.state.capacity)
                world.state.senders.append(waiter(strand))
                world.senders.append(strand)
                world.phases[strand] = .waiting
            case .closed:
                #expect(world.state.isClosed)
                world.phases[strand] = .refused
            }
        }

        private func receive(_ strand: Int, _ world: inout World) {
            switch world.state.receive() {
            case .item(let item, let sender):
                world.given.append(item)
                world.phases[strand] = .received(item)
                guard let sender else {
                    #expect(world.senders.isEmpty, "\(world.senders) were not woken")
                    return
                }
                world.state.refill(sender.number)
                goOn(sender.number, &world)
            case .takeFrom(let sender):
                #expect(world.state.capacity == 0, "\(sender) waited beside a free place")
                world.given.append(sender.number)
                world.phases[strand] = .received(sender.number)
                goOn(sender.number, &world)
            case .empty:
                world.state.receivers.append(waiter(strand))
                world.receivers.append(strand)
                world.phases[strand] = .waiting
            case .closed:
                #expect(world.state.isClosed && world.state.items.isEmpty)
                world.phases[strand] = .refused
            }
        }

        /// A sender's item was taken while it waited.
        private func goOn(_ sender: Int, _ world: inout World) {
            #expect(world.senders.first == sender, "not the oldest sender")
            world.senders.removeAll { $0 == sender }
            world.taken.append(sender)
            world.phases[sender] = .sent
        }

        private func giveUp(_ strand: Int, _ outcome: WaitOutcome, _ world: inout World) {
            outcomes.values[strand] = outcome
            world.phases[strand] = .gaveUp(outcome)
            world.receivers.removeAll { $0 == strand }
            world.senders.removeAll { $0 == strand }
        }

        private func withdraw(_ strand: Int, _ world: inout World) {
            switch roles[strand] {
            case .send: _ = world.state.senders.remove(waiter(strand))
            case .receive: _ = world.state.receivers.remove(waiter(strand))
            }
            world.phases[strand] = .refused
        }

        private func close(_ world: inout World) {
            world.mayClose = false
            var woken: [Int] = []
            while let waiter = world.state.close() { woken.append(waiter.number) }
            #expect(woken == world.receivers + world.senders)
            for strand in woken { world.phases[strand] = .refused }
            world.receivers = []
            world.senders = []
        }

        private func check(_ world: World) {
            let items = Array(world.state.items)
            #expect(items.count <= world.state.capacity)
            // First in, first out, and nothing twice or lost.
            #expect(world.taken == world.given + items)
            #expect(Set(world.taken).count == world.taken.count)
            for (strand, phase) in world.phases.enumerated() where roles[strand] == .send {
                #expect(world.taken.contains(strand) == (phase == .sent))
            }
            let (receivers, senders) = (world.receivers, world.senders)
            #expect(receivers.isEmpty || senders.isEmpty, "\(receivers) and \(senders) both wait")
            #expect(receivers.isEmpty || items.isEmpty, "\(receivers) wait beside \(items)")
            #expect(
                senders.isEmpty || items.count == world.state.capacity,
                "\(senders) wait for nothing")
            if world.state.isClosed { #expect(receivers.isEmpty && senders.isEmpty) }
        }

        /// With nobody under way, only those who wait are in the queues.
        private func checkEnd(_ world: World) {
            for phase in world.phases {
                switch phase {
                case .sent, .refused, .received: continue
                case .idle, .waiting, .gaveUp: return
                }
            }
            ends += 1
            #expect(world.state.receivers.isEmpty && world.state.senders.isEmpty)
        }
    }

    @Test(
        arguments: [
            [Role.send, .send, .send], [.receive, .receive, .receive], [.send, .send, .receive],
            [.receive, .receive, .send], [.send, .send, .receive, .receive],
        ], 0...2)
    func `no order of steps loses an item, a wakeup or the order of waiters`(
        _ roles: [Role], _ capacity: Int
    ) {
        for mayClose in [false, true] {
            let exploration = Exploration(roles)
            exploration.explore(
                World(
                    state: ChannelState(capacity: capacity),
                    phases: Array(repeating: .idle, count: roles.count), mayClose: mayClose))
            #expect(exploration.seen.count > 14)
            #expect(exploration.ends > 0)
        }
    }
}
