import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

/// Every interleaving of three strands that come to a ``Once``, wait, give up, fail and succeed.
struct OnceStateTests {
    private enum Phase { case idle, waiting, gaveUp, running, left }

    private struct World: ExploredWorld {
        let outcomes = PlainOutcomes(count: 3)
        var state = OnceState<PlainQueue>()
        var phases = Array(repeating: Phase.idle, count: 3)
        var line: [Int] = []
        var successes = 0

        func check() {
            let running = phases.count { $0 == .running }
            expect(running <= 1)
            expect((state.phase == .running) == (running == 1))
            expect((state.phase == .done) == (successes == 1))
            expect(successes <= 1)
            expect(line.isEmpty || running == 1, "\(line) wait for nobody")
        }

        var steps: [Step] {
            phases.indices.flatMap { strand -> [Step] in
                switch phases[strand] {
                case .idle: [{ $0.come(strand) }]
                case .waiting: [{ $0.giveUp(strand) }]
                case .gaveUp: [{ $0.withdraw(strand) }]
                case .running: [{ $0.fail(strand) }, { $0.succeed(strand) }]
                case .left: []
                }
            }
        }

        mutating func come(_ strand: Int) {
            let isDone = state.phase == .done
            if state.goesOn(orQueue: waiter(strand)) {
                phases[strand] = isDone ? .left : .running
            } else {
                phases[strand] = .waiting
                line.append(strand)
            }
        }

        mutating func giveUp(_ strand: Int) {
            outcomes.values[strand] = .cancelled
            phases[strand] = .gaveUp
            line.removeAll { $0 == strand }
        }

        mutating func withdraw(_ strand: Int) {
            state.withdraw(waiter(strand))
            phases[strand] = .left
        }

        mutating func fail(_ strand: Int) {
            let next = state.fail()?.number
            expect(next == line.first, "not the oldest of \(line)")
            phases[strand] = .left
            if let next {
                phases[next] = .running
                line.removeFirst()
            }
        }

        mutating func succeed(_ strand: Int) {
            successes += 1
            var woken: [Int] = []
            while let waiter = state.succeed() { woken.append(waiter.number) }
            expect(woken == line)
            phases[strand] = .left
            for strand in line { phases[strand] = .left }
            line = []
        }
    }

    @Test(.enabled(if: exploresAll, "explored to the end in release builds"))
    func `one runs at a time, and one succeeds, whoever fails or gives up`() {
        let count = World().explore()
        #expect(count > 100)
    }

    @Test func `the first runs, later ones pass once it is done`() {
        var state = OnceState<PlainQueue>()
        #expect(state.begin() == true)
        #expect(state.begin() == false)
        #expect(state.succeed() == nil)
        #expect(state.begin() == false)
        #expect(state.phase == .done)
    }
}
