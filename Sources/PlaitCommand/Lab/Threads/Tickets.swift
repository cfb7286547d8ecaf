internal import Plait
internal import Synchronization

extension ThreadExperiment {
    /// Four counters sell the last ten tickets.
    static let tickets = ThreadExperiment(
        name: "tickets", title: "selling the last ten tickets at four counters"
    ) { trial in
        trial.timeline.note("opens the counters, without a lock")
        let without = try sell(trial) { body in try body() }
        trial.timeline.note("opens the counters, with a lock")
        let lock = Lock(name: "tickets")
        let with = try sell(trial) { body in try lock.withLock { try body() } }
        trial.record("soldWithout", without)
        trial.record("soldWith", with)
        trial.say("Each counter looks whether a ticket is left, talks to its client, and sells it.")
        trial.say(
            "Without a lock \(without) of 10 tickets were sold; looking and selling under one")
        trial.say("lock, \(with).")
    }

    private static func sell(
        _ trial: ThreadTrial,
        _ guarded: @escaping @Sendable (() throws -> Bool) throws -> Bool
    ) throws -> Int {
        let left = Number(10)
        let sold = Number(0)
        let talk = trial.pause(5)
        let timeline = trial.timeline
        let counters = (1...4).map { number in
            trial.start("counter \(number)") {
                while try guarded({
                    guard left.value.load(ordering: .relaxed) > 0 else { return false }
                    try timeline.span("talks") { try Strand.sleep(for: talk) }
                    left.value.wrappingSubtract(1, ordering: .relaxed)
                    let number = sold.value.wrappingAdd(1, ordering: .relaxed).newValue
                    if number >= 10 { timeline.note("sells ticket \(number)") }
                    return true
                }) {}
            }
        }
        for counter in counters { try counter.join() }
        return sold.value.load(ordering: .relaxed)
    }
}
