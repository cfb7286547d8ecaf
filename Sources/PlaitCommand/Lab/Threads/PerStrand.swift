internal import Plait

extension ThreadExperiment {
    /// One variable has a value of its own in every strand.
    static let perStrand = ThreadExperiment(
        name: "local", title: "a value per strand, in one StrandLocal"
    ) { trial in
        let visits = StrandLocal(name: "visits") { 0 }
        let timeline = trial.timeline
        let counts = try (1...5).map { number in
            trial.start("visitor \(number)") {
                for _ in 0..<number {
                    visits.value += 1
                    Strand.yield()
                }
                timeline.note("counts \(visits.value)")
                return visits.value
            }
        }.map { try $0.join() }
        trial.record("right", counts == [1, 2, 3, 4, 5] ? 1 : 0)
        trial.record("main", visits.value)
        let seen = counts.map(String.init).joined(separator: ", ")
        trial.say(
            "Five strands add to the same StrandLocal, each as often as its number says: they")
        trial.say("count \(seen), and this strand still counts \(visits.value).")
    }
}
