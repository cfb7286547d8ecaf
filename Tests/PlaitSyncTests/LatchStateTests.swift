import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

/// Every interleaving of three strands that wait at a ``Latch``, give up and withdraw, while it is
/// counted down.
struct LatchStateTests {
    private enum Phase { case idle, waiting, gaveUp, left }

    private struct World: ExploredWorld {
        let outcomes = PlainOutcomes(count: 3)
        var state: LatchState<PlainQueue>
        var phases = Array(repeating: Phase.idle, count: 3)
        var line: [Int] = []
        var expected: Int

        func check() {
            expect(state.remaining == expected)
            expect(line.isEmpty || expected > 0, "\(line) wait for nothing")
        }

        var steps: [Step] {
            let countDowns: [Step] =
                expected > 0 ? [{ $0.countDown(1) }, { $0.countDown(2) }] : []
            return countDowns
                + phases.indices.flatMap { strand -> [Step] in
                    switch phases[strand] {
                    case .idle: [{ $0.come(strand) }]
                    case .waiting: [{ $0.giveUp(strand) }]
                    case .gaveUp: [{ $0.withdraw(strand) }]
                    case .left: []
                    }
                }
        }

        mutating func countDown(_ amount: Int) {
            state.countDown(amount)
            expected = max(0, expected - amount)
            var woken: [Int] = []
            while let waiter = state.nextWoken() { woken.append(waiter.number) }
            expect(woken == (expected == 0 ? line : []))
            for strand in woken { phases[strand] = .left }
            line.removeAll { woken.contains($0) }
        }

        mutating func come(_ strand: Int) {
            let isOpen = state.isOpen(orQueue: waiter(strand))
            expect(isOpen == (expected == 0))
            phases[strand] = isOpen ? .left : .waiting
            if !isOpen { line.append(strand) }
        }

        mutating func giveUp(_ strand: Int) {
            outcomes.values[strand] = .timedOut
            phases[strand] = .gaveUp
            line.removeAll { $0 == strand }
        }

        mutating func withdraw(_ strand: Int) {
            state.withdraw(waiter(strand))
            phases[strand] = .left
        }
    }

    @Test(arguments: 0...3)
    func `all who wait are woken by the step that makes it zero`(_ count: Int) {
        let worlds = World(state: LatchState(remaining: count), expected: count).explore()
        #expect(worlds > (count == 0 ? 5 : 50))
    }
}
