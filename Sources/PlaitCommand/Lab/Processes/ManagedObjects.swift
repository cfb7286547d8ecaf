internal import Plait
internal import PlaitRemote

/// A ballot box: an object of this program's own class, which lives in the manager.
final class BallotBox: ManagedType {
    private var votes: [String: Int] = [:]

    init(_ input: Nothing) {}

    /// A call of the ballot box. The manager runs one call at a time.
    struct Vote: ManagedCall {
        let name: String
        func run(on box: BallotBox) -> Int {
            box.votes[name, default: 0] += 1
            return box.votes[name, default: 0]
        }
    }
}

/// Uses the manager's objects from another process.
enum TakePart: ProcessFunction {
    struct Plan: Codable, Sendable {
        let number: Int
        let squares: ManagedDictionary<Int, Int>
        let box: Managed<BallotBox>
    }

    static func run(_ plan: Plan) throws -> Nothing {
        try plan.squares.set(plan.number, plan.number * plan.number)
        try plan.box.call(BallotBox.Vote(name: plan.number.isMultiple(of: 2) ? "even" : "odd"))
        return Nothing()
    }
}

extension ProcessExperiment {
    /// A process keeps a dictionary and an object of the program's own for others.
    static let manager = ProcessExperiment(
        name: "manager", title: "a process keeps a dictionary and an object for three others"
    ) { trial in
        let manager = try Manager.start()
        let squares: ManagedDictionary<Int, Int> = try manager.dictionary([:])
        let box = try manager.make(BallotBox.self, Nothing())
        let plans = (1...3).map { TakePart.Plan(number: $0, squares: squares, box: box) }
        let children = try plans.map { try spawn(.process, TakePart.self, $0) }
        for child in children { try child.join() }
        let all = try squares.all().sorted { $0.key < $1.key }
        let odd = try box.call(BallotBox.Vote(name: "odd")) - 1
        trial.record("squares", all.count)
        trial.record("odd", odd)
        trial.say("squares: \(all.map { "\($0.key): \($0.value)" }.joined(separator: ", "))")
        trial.say("votes for odd: \(odd)")
        try manager.shutDown()
        do {
            _ = try squares.count()
        } catch {
            trial.record("ended", 1)
            trial.say("shut down: \(error)")
        }
    }
}
