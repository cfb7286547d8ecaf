internal import Plait
internal import Synchronization

extension ThreadExperiment {
    /// A hundred strands each subtract one from a number, with a pause between reading and writing.
    static let lostUpdate = ThreadExperiment(
        name: "lost-update", title: "count -= 1 by a hundred strands, without and with a lock"
    ) { trial in
        let haveRead = Latch(count: 100)
        let without = try countDown(trial) { step in
            try step {
                haveRead.countDown()
                try haveRead.wait()
            }
        }
        let lock = Lock(name: "count")
        let pause = trial.pause(2)
        let with = try countDown(trial) { step in
            try lock.withLock { try step { try Strand.sleep(for: pause) } }
        }
        trial.record("without", without)
        trial.record("with", with)
        trial.say("Each of 100 strands reads the number, pauses, and writes one less. From 100,")
        trial.say(
            "without a lock, when all pause until the others have read, \(without) are left:")
        trial.say(
            "two that read the same number wrote the same. With both steps under a lock, \(with).")
    }

    /// Subtracts one, with a pause in the middle.
    private typealias Step = (_ pause: () throws -> Void) throws -> Void

    private static func countDown(
        _ trial: ThreadTrial, _ take: @escaping @Sendable (Step) throws -> Void
    ) throws -> Int {
        // Each step is atomic, so only the two steps together can go wrong.
        let count = Number(100)
        let timeline = trial.timeline
        let strands = (1...100).map { number in
            trial.start("taker \(number)") {
                try take { pause in
                    try timeline.span("takes one") {
                        let seen = count.value.load(ordering: .relaxed)
                        try pause()
                        count.value.store(seen - 1, ordering: .relaxed)
                    }
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
