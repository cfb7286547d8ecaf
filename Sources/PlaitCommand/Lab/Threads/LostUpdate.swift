internal import Plait
internal import Synchronization

extension ThreadExperiment {
    /// A hundred strands take one from a number, with a pause between reading and writing.
    static let lostUpdate = ThreadExperiment(
        name: "lost-update", title: "count -= 1 by a hundred strands, without and with a lock"
    ) { trial in
        let without = try countDown(trial) { body in try body() }
        let lock = Lock(name: "count")
        let with = try countDown(trial) { body in try lock.withLock { try body() } }
        trial.record("without", without)
        trial.record("with", with)
        trial.say("Each of 100 strands reads the number, pauses, and writes one less. From 100,")
        trial.say(
            "without a lock, \(without) are left: whoever read the same number wrote the same.")
        trial.say("With the pair of steps under a lock, \(with) are left.")
    }

    private static func countDown(
        _ trial: ThreadTrial, _ guarded: @escaping @Sendable (() throws -> Void) throws -> Void
    ) throws -> Int {
        // Atomic, so that only the two steps together can go wrong.
        let count = Number(100)
        let pause = trial.pause(2)
        let strands = (1...100).map { number in
            trial.start("taker \(number)") {
                try guarded {
                    let seen = count.value.load(ordering: .relaxed)
                    try Strand.sleep(for: pause)
                    count.value.store(seen - 1, ordering: .relaxed)
                }
            }
        }
        for strand in strands { try strand.join() }
        return count.value.load(ordering: .relaxed)
    }
}

/// A number that can be read and written, each in one step.
final class Number: Sendable {
    let value: Atomic<Int>
    init(_ value: Int) { self.value = Atomic(value) }
}
