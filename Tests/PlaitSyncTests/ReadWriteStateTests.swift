import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

/// Every interleaving of three strands, each a reader or a writer, that acquire, give up, withdraw
/// and release, twice each.
struct ReadWriteStateTests {
    enum Role: CaseIterable, Sendable { case reads, writes }
    private enum Phase { case idle, waiting, gaveUp, holding, done }

    private struct World: ExploredWorld {
        let outcomes: PlainOutcomes
        let roles: [Role]
        var state = ReadWriteState<PlainQueue>()
        var phases: [Phase]
        /// How often each may still acquire.
        var turns: [Int]
        /// Those who wait, oldest first, and writers that gave up but are still queued.
        var line: [Int] = []
        var stale: [Int] = []

        init(_ roles: [Role], turns: Int) {
            self.roles = roles
            outcomes = PlainOutcomes(count: roles.count)
            phases = Array(repeating: .idle, count: roles.count)
            self.turns = Array(repeating: turns, count: roles.count)
        }

        func holding(_ role: Role) -> [Int] {
            roles.indices.filter { phases[$0] == .holding && roles[$0] == role }
        }

        func waiting(_ role: Role) -> [Int] { line.filter { roles[$0] == role } }

        func check() {
            let (readers, writers) = (holding(.reads), holding(.writes))
            expect(writers.isEmpty || (writers.count == 1 && readers.isEmpty))
            expect(state.readerCount == readers.count)
            expect((state.holder == .writer) == !writers.isEmpty)
            expect((state.holder == .nobody) == (writers + readers).isEmpty)
            expect(state.holder != .nobody || line.isEmpty, "\(line) wait for nobody")
            if writers.isEmpty && waiting(.writes).isEmpty && stale.isEmpty {
                expect(line.isEmpty, "readers \(line) wait for no writer")
            }
        }

        var steps: [Step] {
            roles.indices.flatMap { strand -> [Step] in
                switch phases[strand] {
                case .idle where turns[strand] > 0:
                    [{ $0.acquire(strand) }, { $0.tryAcquire(strand) }]
                case .waiting: [{ $0.giveUp(strand) }]
                case .gaveUp: [{ $0.withdraw(strand) }]
                case .holding: [{ $0.release(strand) }]
                case .idle, .done: []
                }
            }
        }

        mutating func acquire(_ strand: Int) {
            outcomes.values[strand] = .pending
            turns[strand] -= 1
            let isTaken =
                roles[strand] == .reads
                ? state.read(orQueue: waiter(strand)) : state.write(orQueue: waiter(strand))
            phases[strand] = isTaken ? .holding : .waiting
            if isTaken {
                expect(waiting(.writes).isEmpty, "\(strand) went past writers of \(line)")
            } else {
                line.append(strand)
            }
        }

        mutating func tryAcquire(_ strand: Int) {
            turns[strand] -= 1
            let isTaken = roles[strand] == .reads ? state.tryRead() : state.tryWrite()
            if isTaken { phases[strand] = .holding }
            expect(!isTaken || waiting(.writes).isEmpty, "went past writers of \(line)")
        }

        mutating func giveUp(_ strand: Int) {
            outcomes.values[strand] = .timedOut
            phases[strand] = .gaveUp
            line.removeAll { $0 == strand }
            if roles[strand] == .writes { stale = (stale + [strand]).sorted() }
        }

        mutating func withdraw(_ strand: Int) {
            if roles[strand] == .reads {
                state.withdrawReader(waiter(strand))
            } else {
                state.withdrawWriter(waiter(strand))
            }
            stale.removeAll { $0 == strand }
            phases[strand] = .idle
            // Readers that it held back go in at once, unless another writer holds them back.
            let mayRead = holding(.writes).isEmpty && waiting(.writes).isEmpty && stale.isEmpty
            expect(admitAll() == (mayRead ? waiting(.reads) : []))
            settleLine()
        }

        mutating func release(_ strand: Int) {
            phases[strand] = .idle
            let (readers, writers) = (waiting(.reads), waiting(.writes))
            let next: [Int]
            if roles[strand] == .writes {
                expect(state.releaseRead() == false, "released a reader that is none")
                expect(state.releaseWrite() == true)
                // All readers that wait, before the next writer.
                next = readers.isEmpty ? Array(writers.prefix(1)) : readers
            } else {
                expect(state.releaseWrite() == false, "released a writer that is none")
                expect(state.releaseRead() == true)
                // The next writer, before readers that it held back.
                let isLast = holding(.reads).isEmpty
                next = !isLast ? [] : writers.isEmpty ? readers : Array(writers.prefix(1))
            }
            expect(admitAll() == next)
            settleLine()
        }

        /// Who is let in, in order.
        private mutating func admitAll() -> [Int] {
            var admitted: [Int] = []
            while let next = state.admitNext() {
                expect((state.holder == .writer) == (roles[next.number] == .writes))
                admitted.append(next.number)
            }
            return admitted
        }

        private mutating func settleLine() {
            for strand in line where outcomes.values[strand] == .woken { phases[strand] = .holding }
            line.removeAll { outcomes.values[$0] == .woken }
            // Claiming drops those before it.
            if state.holder == .nobody { stale.removeAll() }
        }
    }

    @Test(
        .enabled(if: exploresAll, "explored to the end in release builds"),
        arguments: [
            [Role.reads, .reads, .reads], [.writes, .reads, .reads], [.writes, .writes, .reads],
            [.writes, .writes, .writes],
        ])
    func `no order of steps breaks exclusion, starves a side or loses a wakeup`(_ roles: [Role]) {
        let count = World(roles, turns: 2).explore()
        #expect(count > 100)
    }

    @Test func `sides take turns: writer, the readers that waited, writer`() {
        let outcomes = PlainOutcomes(count: 5)
        func waiter(_ number: Int) -> PlainWaiter {
            PlainWaiter(number: number, outcomes: outcomes)
        }
        var state = ReadWriteState<PlainQueue>()
        func admitted() -> [Int] {
            var numbers: [Int] = []
            while let next = state.admitNext() { numbers.append(next.number) }
            return numbers
        }
        #expect(state.write(orQueue: waiter(0)) == true)
        #expect(state.write(orQueue: waiter(1)) == false)
        #expect(state.read(orQueue: waiter(2)) == false)
        #expect(state.write(orQueue: waiter(3)) == false)
        #expect(state.read(orQueue: waiter(4)) == false)
        #expect(state.releaseWrite() == true)
        #expect(admitted() == [2, 4])
        // The next writer waits: nobody goes past it.
        #expect(state.tryRead() == false)
        #expect(state.releaseRead() == true)
        #expect(admitted() == [])
        #expect(state.releaseRead() == true)
        #expect(admitted() == [1])
        #expect(state.releaseWrite() == true)
        #expect(admitted() == [3])
        #expect(state.releaseWrite() == true)
        #expect(admitted() == [])
        #expect(state.holder == .nobody)
    }
}
