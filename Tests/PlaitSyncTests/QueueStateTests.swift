import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

/// A first-in, first-out storage that can be copied, for explorations.
protocol PlainStorage: QueueStorage<Int> {
    init()
    var items: [Int] { get set }
}

extension PlainStorage {
    var count: Int { items.count }
    mutating func push(_ item: Int) { items.append(item) }
    mutating func pop() -> Int { items.removeFirst() }
    func peek() -> Int { items[0] }
}

struct PassingStorage: PlainStorage {
    static let passesThrough = true
    var items: [Int] = []
}

/// One through which every item must go.
struct ThoroughStorage: PlainStorage { var items: [Int] = [] }

/// One that does not always give an item when it is asked to.
struct BalkingStorage: PlainStorage {
    struct Balked: Error {}

    var items: [Int] = []
    /// How often it will not.
    var balks = 2

    mutating func pop() throws -> Int {
        if balks > 0 {
            balks -= 1
            throw Balked()
        }
        return items.removeFirst()
    }
}

/// Every interleaving of a few strands that put, get, give up and withdraw, and of a shut down.
struct QueueStateTests {
    enum Role: Sendable { case put, get }
    private enum Phase: Equatable {
        case idle, waiting, gaveUp, refused, failed, put
        case got(Int)
    }

    private struct World<Storage: PlainStorage> {
        var state: QueueState<Storage, PlainQueue>
        var phases: [Phase]
        /// Those who wait, oldest first.
        var getters: [Int] = []
        var putters: [Int] = []
        /// Items in the order in which the queue took them, and in which it gave them.
        var taken: [Int] = []
        var given: [Int] = []
        var dropped = 0
        var mayShutDown: Bool
    }

    private final class Exploration<Storage: PlainStorage> {
        let roles: [Role]
        let outcomes: PlainOutcomes
        var seen: Set<String> = []

        init(_ roles: [Role]) {
            self.roles = roles
            outcomes = PlainOutcomes(count: roles.count)
        }

        func waiter(_ number: Int) -> PlainWaiter {
            PlainWaiter(number: number, outcomes: outcomes)
        }

        func explore(_ world: World<Storage>) {
            check(world)
            #expect(world.state.unfinished == world.taken.count - world.dropped)
            guard seen.insert("\(world) \(outcomes.values)").inserted else { return }
            for strand in roles.indices {
                switch world.phases[strand] {
                case .idle: branch(world) { start(strand, &$0) }
                case .waiting: branch(world) { giveUp(strand, &$0) }
                case .gaveUp: branch(world) { withdraw(strand, &$0) }
                default: break
                }
            }
            if world.mayShutDown {
                branch(world) { shutDown(immediately: false, &$0) }
                branch(world) { shutDown(immediately: true, &$0) }
            }
        }

        private func branch(_ world: World<Storage>, _ change: (inout World<Storage>) -> Void) {
            let before = outcomes.values
            var next = world
            change(&next)
            explore(next)
            outcomes.values = before
        }

        /// A putter's item is its number.
        private func start(_ strand: Int, _ world: inout World<Storage>) {
            switch roles[strand] {
            case .put: put(strand, &world)
            case .get: get(strand, &world)
            }
        }

        private func put(_ strand: Int, _ world: inout World<Storage>) {
            var outcome = try? world.state.put(strand)
            while case .refuse(let getter, _) = outcome {
                #expect(world.getters.first == getter.number, "not the oldest getter")
                world.getters.removeAll { $0 == getter.number }
                world.phases[getter.number] = .failed
                outcome = world.state.handOver()
            }
            switch outcome {
            case .refuse: break
            case .stored:
                #expect(world.getters.isEmpty, "\(world.getters) were not woken")
                world.taken.append(strand)
                world.phases[strand] = .put
            case .handTo(let getter, let item):
                #expect(item == strand)
                #expect(world.getters.first == getter.number, "not the oldest getter")
                world.getters.removeAll { $0 == getter.number }
                world.taken.append(strand)
                world.given.append(strand)
                world.phases[strand] = .put
                world.phases[getter.number] = .got(strand)
            case .full:
                #expect(world.state.storage.items.count == world.state.capacity)
                world.state.putters.append(waiter(strand))
                world.putters.append(strand)
                world.phases[strand] = .waiting
            case .shutDown:
                #expect(world.state.isShutDown)
                world.phases[strand] = .refused
            case nil: Issue.record("a plain storage takes every item")
            }
        }

        private func get(_ strand: Int, _ world: inout World<Storage>) {
            let outcome: QueueState<Storage, PlainQueue>.Get
            do {
                outcome = try world.state.get()
            } catch {
                world.phases[strand] = .failed
                return
            }
            switch outcome {
            case .item(let item):
                world.given.append(item)
                world.phases[strand] = .got(item)
                guard let putter = world.state.claimPutter() else {
                    #expect(world.putters.isEmpty, "\(world.putters) were not woken")
                    return
                }
                #expect(world.putters.first == putter.number, "not the oldest putter")
                world.putters.removeAll { $0 == putter.number }
                try? world.state.refill(putter.number)
                world.taken.append(putter.number)
                world.phases[putter.number] = .put
            case .empty:
                world.state.getters.append(waiter(strand))
                world.getters.append(strand)
                world.phases[strand] = .waiting
            case .shutDown:
                #expect(world.state.isShutDown && world.state.storage.items.isEmpty)
                world.phases[strand] = .refused
            }
        }

        private func giveUp(_ strand: Int, _ world: inout World<Storage>) {
            outcomes.values[strand] = .cancelled
            world.phases[strand] = .gaveUp
            world.getters.removeAll { $0 == strand }
            world.putters.removeAll { $0 == strand }
        }

        private func withdraw(_ strand: Int, _ world: inout World<Storage>) {
            switch roles[strand] {
            case .put: _ = world.state.putters.remove(waiter(strand))
            case .get: _ = world.state.getters.remove(waiter(strand))
            }
            world.phases[strand] = .refused
        }

        private func shutDown(immediately: Bool, _ world: inout World<Storage>) {
            world.mayShutDown = false
            let before = world.state.storage.items.count
            let dropped = world.state.shutDown(immediately: immediately)
            let left = world.state.storage.items.count
            #expect(dropped.count == before - left)
            if !immediately { #expect(dropped.isEmpty) }
            if !(world.state.storage is BalkingStorage) { #expect(!immediately || left == 0) }
            while world.state.getters.claimFirst() != nil {}
            while world.state.putters.claimFirst() != nil {}
            for strand in world.getters + world.putters { world.phases[strand] = .refused }
            world.getters = []
            world.putters = []
            world.dropped = dropped.count
        }

        private func check(_ world: World<Storage>) {
            let items = Array(world.state.storage.items)
            #expect(items.count <= world.state.capacity)
            // What is dropped is the oldest that was there, but for what the storage kept.
            #expect(
                world.taken.count == world.given.count + world.dropped + items.count)
            #expect(
                world.taken.starts(with: world.given)
                    && world.taken.suffix(items.count) == items[...])
            #expect(world.getters.isEmpty || items.isEmpty, "\(world.getters) wait beside \(items)")
            #expect(
                world.putters.isEmpty || world.state.isFull, "\(world.putters) wait for nothing")
            for (strand, phase) in world.phases.enumerated() where phase == .put {
                #expect(world.taken.count { $0 == strand } == 1)
            }
        }
    }

    @Test(
        arguments: [
            [Role.put, .put, .put], [.get, .get, .get], [.put, .put, .get], [.get, .get, .put],
            [.put, .put, .get, .get], [.put, .put, .put, .get], [.get, .get, .get, .put],
        ], [1, 2])
    func `no order of steps loses an item, a wakeup or the order of waiters`(
        _ roles: [Role], _ capacity: Int
    ) {
        explore(roles, capacity, PassingStorage())
        explore(roles, capacity, ThoroughStorage())
        explore(roles, capacity, BalkingStorage())
    }

    private func explore<Storage: PlainStorage>(
        _ roles: [Role], _ capacity: Int, _ storage: Storage
    ) {
        for mayShutDown in [false, true] {
            let exploration = Exploration<Storage>(roles)
            exploration.explore(
                World(
                    state: QueueState(capacity: capacity, storage: storage),
                    phases: Array(repeating: .idle, count: roles.count),
                    mayShutDown: mayShutDown))
            #expect(exploration.seen.count > 20)
        }
    }
}
