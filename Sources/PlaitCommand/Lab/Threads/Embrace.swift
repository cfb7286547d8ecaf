internal import Plait

extension ThreadExperiment {
    /// Two strands take two locks in different orders. The cures follow.
    static let embrace = ThreadExperiment(
        name: "deadlock", title: "A waits for B and B for A: named by the detector, and cured"
    ) { trial in
        let a = Lock(name: "A", onDeadlock: .throwError)
        let b = Lock(name: "B", onDeadlock: .throwError)
        let bothHold = Barrier(parties: 2)
        let first = trial.start("first") { [timeline = trial.timeline] in
            try takeBoth(a, b, timeline) { try bothHold.wait() }
        }
        let second = trial.start("second") { [timeline = trial.timeline] in
            try takeBoth(b, a, timeline) { try bothHold.wait() }
        }
        var found = 0
        for strand in [first, second] {
            do {
                try strand.join()
            } catch let error as DeadlockError {
                found += 1
                trial.say("The wait that would have closed the circle threw:")
                for line in "\(error)".split(separator: "\n") { trial.say("  \(line)") }
            }
        }

        // The first cure: both strands take A first.
        let timeline = trial.timeline
        let cured = [
            trial.start("third") { try takeBoth(a, b, timeline) {} },
            trial.start("fourth") { try takeBoth(a, b, timeline) {} },
        ]
        for strand in cured { try strand.join() }
        trial.say("Taken in one order by both, A then B, nothing can close a circle.")

        // A strand that takes the same lock twice needs an RLock.
        let again = RLock()
        let depth = try trial.start("fifth") {
            try again.acquire()
            defer { again.release() }
            return again.withLock { again.depth }
        }.join()
        trial.say("A strand that takes a lock twice needs an RLock: here it is \(depth) deep.")
        trial.record("deadlocks", found)
        trial.record("depth", depth)
    }

    private static func takeBoth(
        _ one: Lock, _ other: Lock, _ timeline: Timeline, between: () throws -> Void
    ) throws {
        try one.acquire()
        defer { one.release() }
        timeline.note("holds \(one.name ?? "")")
        try between()
        try other.acquire()
        timeline.note("holds \(other.name ?? "") too")
        other.release()
    }
}
