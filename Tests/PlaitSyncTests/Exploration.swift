import PlaitParking
import Testing
import TestSupport

/// A state machine and a few strands that use it, to be driven through every order of steps.
protocol ExploredWorld: Hashable {
    typealias Step = (inout Self) -> Void
    /// How the strands' waits ended; shared by all copies.
    var outcomes: PlainOutcomes { get }
    /// What can happen next.
    var steps: [Step] { get }
    /// Records an issue if something is wrong.
    func check()
}

/// A world and how the waits of its strands have ended.
struct Seen<World: ExploredWorld>: Hashable {
    let world: World
    let outcomes: [WaitOutcome]
}

extension ExploredWorld {
    func waiter(_ number: Int) -> PlainWaiter { PlainWaiter(number: number, outcomes: outcomes) }

    /// As `#expect`, at a fraction of its cost: it is called for every step of thousands of worlds.
    func expect(
        _ condition: Bool, _ comment: @autoclosure () -> String = "not as expected",
        _ location: SourceLocation = #_sourceLocation
    ) {
        if !condition { Issue.record("\(comment()): \(self)", sourceLocation: location) }
    }

    /// How many worlds can be reached from this one. Each was checked.
    func explore() -> Int {
        var seen: Set<Seen<Self>> = []
        explore(&seen)
        return seen.count
    }

    private func explore(_ seen: inout Set<Seen<Self>>) {
        guard seen.insert(Seen(world: self, outcomes: outcomes.values)).inserted else { return }
        check()
        for step in steps {
            let before = outcomes.values
            var next = self
            step(&next)
            next.explore(&seen)
            outcomes.values = before
        }
    }
}
