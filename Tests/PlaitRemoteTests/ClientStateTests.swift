import PlaitParking
@testable import PlaitRemote
import TestSupport
import Testing

/// Every interleaving of two callers, the client's thread and the manager, with a time-out, a
/// cancellation and the connection's end at every step.
struct ClientStateTests {
    private typealias State = ClientState<PlainQueue, Int, Int>

    private enum Caller: Equatable {
        case idle
        /// Looks next what to do.
        case looks(UInt32)
        /// Has looked, and queues next.
        case queues(UInt32)
        case parked(UInt32)
        case receives(UInt32)
        /// Its wait ended without a reply.
        case gaveUp(UInt32)
        /// Waits for the last word, which the thread receives.
        case insists(UInt32)
        /// Left its call to be taken.
        case left
        case done
    }

    private struct World {
        var state = State()
        var callers: [Caller] = [.idle, .idle]
        /// Whether the second is a task, which does not receive.
        var hasTask: Bool
        /// The thread: told to look, or receiving.
        var threadIsWanted = false
        var threadReceives = false
        /// Asked, and not answered.
        var asked: Set<UInt32> = []
        /// Answered, and not received.
        var answers: [UInt32] = []
        var hasEnded = false
        // What may happen yet.
        var ends = 1
        var timeouts = 2
        var replies = [0, 0]
    }

    private final class Exploration {
        let outcomes = PlainOutcomes(count: 2)
        var seen: Set<String> = []
        var ends = 0

        func waiter(_ number: Int) -> PlainWaiter {
            PlainWaiter(number: number, outcomes: outcomes)
        }

        func explore(_ world: World) {
            let key =
                "\(world.callers) \(world.threadIsWanted) \(world.threadReceives) "
                + "\(world.asked.sorted()) \(world.answers) \(world.hasEnded) \(world.ends) "
                + "\(world.timeouts) \(world.replies) \(outcomes.values) \(world.state.receiver) "
                + "\(world.state.served) \(world.state.count)"
            guard seen.insert(key).inserted else { return }
            #expect(
                world.state.receiver == .nobody
                    || world.threadReceives
                    || world.callers.contains { if case .receives = $0 { true } else { false } })
            var isOver = true
            for number in world.callers.indices where advance(number, world) { isOver = false }
            if advanceThread(world) { isOver = false }
            for call in world.asked.sorted() where !world.hasEnded {
                isOver = false
                branch(world) { world in
                    world.asked.remove(call)
                    world.answers.append(call)
                }
            }
            if world.ends > 0 {
                branch(world) { world in
                    world.ends -= 1
                    world.hasEnded = true
                }
            }
            if isOver { checkEnd(world) }
        }

        /// Whether the caller can go on by itself; a time-out does not count.
        private func advance(_ number: Int, _ world: World) -> Bool {
            let owner: State.Owner = world.hasTask && number == 1 ? .waiting : .strand
            switch world.callers[number] {
            case .idle:
                branch(world) { world in
                    guard world.state.ending == nil else {
                        world.callers[number] = .done
                        world.replies[number] += 1
                        return
                    }
                    let call = world.state.add(owner)
                    world.asked.insert(call)
                    world.callers[number] = .looks(call)
                    if case .waiting = owner { world.threadIsWanted = true }
                }
            case .looks(let call):
                branch(world) { world in
                    switch world.state.look(call) {
                    case .reply: reply(number, &world)
                    case .receive: world.callers[number] = .receives(call)
                    case .wait: world.callers[number] = .queues(call)
                    }
                }
            case .queues(let call):
                branch(world) { world in
                    outcomes.values[number] = .pending
                    let isQueued = world.state.queue(waiter(number), for: call)
                    world.callers[number] = isQueued ? .parked(call) : .looks(call)
                }
            case .parked(let call) where outcomes.values[number] == .woken:
                branch(world) { $0.callers[number] = .looks(call) }
            case .parked(let call):
                guard world.timeouts > 0 else { return false }
                branch(world) { world in
                    world.timeouts -= 1
                    outcomes.values[number] = .timedOut
                    world.state.withdraw(waiter(number), from: call)
                    world.callers[number] = .gaveUp(call)
                }
                return false
            case .receives(let call): return receive(call, number, world)
            case .gaveUp(let call):
                branch(world) { world in
                    world.callers[number] = .left
                    perform(world.state.hand(call, to: .taker(number)), &world)
                }
                branch(world) { world in
                    world.callers[number] = .insists(call)
                    perform(world.state.hand(call, to: .waiting), &world)
                }
            case .insists(let call):
                branch(world) { world in
                    guard case .reply = world.state.look(call) else {
                        outcomes.values[number] = .pending
                        let isQueued = world.state.queue(waiter(number), for: call)
                        world.callers[number] = isQueued ? .parked(call) : .insists(call)
                        return
                    }
                    reply(number, &world)
                }
            case .left, .done: return false
            }
            return true
        }

        private func reply(_ number: Int, _ world: inout World) {
            world.callers[number] = .done
            world.replies[number] += 1
        }

        /// One step of the caller that receives.
        private func receive(_ call: UInt32, _ number: Int, _ world: World) -> Bool {
            if world.timeouts > 0 {
                branch(world) { world in
                    world.timeouts -= 1
                    world.callers[number] = .gaveUp(call)
                    perform(world.state.stopReceiving(), &world)
                }
            }
            guard !world.answers.isEmpty || world.hasEnded else { return false }
            branch(world) { world in
                receiveAll(&world)
                guard world.state.hasReply(call) else { return }
                world.callers[number] = .looks(call)
                perform(world.state.stopReceiving(), &world)
            }
            return true
        }

        private func advanceThread(_ world: World) -> Bool {
            if world.threadReceives {
                guard !world.answers.isEmpty || world.hasEnded else { return false }
                branch(world) { world in
                    receiveAll(&world)
                    world.threadReceives = false
                    perform(world.state.stopReceiving(), &world)
                    world.threadIsWanted = true
                }
                return true
            }
            guard world.threadIsWanted else { return false }
            branch(world) { world in
                world.threadIsWanted = false
                world.threadReceives = world.state.beginOnThread()
            }
            return true
        }

        private func receiveAll(_ world: inout World) {
            // What came before the end is read first.
            if world.answers.isEmpty {
                perform(world.state.end(with: -1), &world)
            } else {
                let replies = world.answers.map { (number: $0, reply: Int($0)) }
                world.answers = []
                perform(world.state.settle(replies), &world)
            }
        }

        private func perform(_ effects: State.Effects?, _ world: inout World) {
            guard let effects else { return }
            if effects.wakesThread { world.threadIsWanted = true }
            for taken in effects.taken { reply(taken.taker, &world) }
        }

        private func branch(_ world: World, _ change: (inout World) -> Void) {
            let before = outcomes.values
            var next = world
            change(&next)
            explore(next)
            outcomes.values = before
        }

        private func checkEnd(_ world: World) {
            ends += 1
            #expect(world.replies == [1, 1], "a caller got no reply, or two")
            #expect(world.state.count == 0)
            #expect(world.state.served == 0)
            #expect(world.state.receiver == .nobody)
        }
    }

    @Test(arguments: [false, true])
    func `every call gets one reply, whoever receives, gives up or ends`(_ hasTask: Bool) {
        let exploration = Exploration()
        exploration.explore(World(hasTask: hasTask))
        #expect(exploration.seen.count > 1_000)
        #expect(exploration.ends > 0)
    }

    @Test func `a thread that dozes sends what nobody waits for yet`() {
        var output = ClientOutput()
        #expect(!output.isLeftToDozingThread)
        #expect(output.threadMaySleep(dozes: true) == true)
        #expect(output.isLeftToDozingThread && !output.isLeftToThread)
        output.add(RequestHead(kind: .release, object: 1), [UInt8](repeating: 0, count: 5_000))
        #expect(!output.isLeftToDozingThread)
        // It looks again, and does not sleep.
        #expect(output.threadMaySleep(dozes: false) == false)
        _ = output.begin()
        #expect(output.next() == nil)
        #expect(output.threadMaySleep(dozes: false) == true)
        #expect(!output.isLeftToDozingThread)
    }

    @Test func `what is added while another sends is sent by that one`() {
        var output = ClientOutput()
        #expect(output.begin() == nil)
        output.add(RequestHead(kind: .release, object: 1), [])
        let first = output.begin()
        #expect(first?.count == 4 + RequestHead.size)
        output.add(RequestHead(kind: .release, object: 2), [])
        #expect(output.begin() == nil)
        #expect(output.next()?.count == 4 + RequestHead.size)
        #expect(output.next() == nil)
        output.add(RequestHead(kind: .release, object: 3), [])
        #expect(output.begin() != nil)
    }
}
