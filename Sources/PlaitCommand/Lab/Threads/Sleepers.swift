internal import Plait

extension ThreadExperiment {
    /// Fifty strands that sleep at the same time.
    static let sleepers = ThreadExperiment(
        name: "sleepers", title: "fifty sleepers of 3 s take 3 s in all"
    ) { trial in
        let nap = trial.pause(3_000)
        let timeline = trial.timeline
        let start = monotonicNow()
        let sleepers = (1...50).map { number in
            trial.start("sleeper \(number)") {
                try timeline.span("sleeps") { try Strand.sleep(for: nap) }
            }
        }
        for sleeper in sleepers { try sleeper.join() }
        let took = Int((monotonicNow() - start) / 1_000_000)
        trial.record("milliseconds", took)
        trial.record("oneAfterAnother", Int(50 * 3_000 * trial.scale))
        trial.record("slept", timeline.allSpans.count)
        trial.say("One after another they would take 50 times as long; waiting at the same time,")
        trial.say("they took \(took) ms.")
    }
}
