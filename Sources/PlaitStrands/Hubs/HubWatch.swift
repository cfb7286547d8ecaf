/// What is known of one hub from looking at it now and then: whether one turn takes too long.
struct HubWatch {
    private enum State {
        case fine
        /// The same turn since `since`, seen again `looks` times; to be reported at age `next`.
        case stuck(turn: Int, since: UInt64, looks: Int, next: UInt64)
    }

    private var state = State.fine

    /// Twice at least: a stopped process, or a watcher that came late, is no reason.
    private static let looksNeeded = 2

    /// Takes a look at nanosecond `now`; times are in nanoseconds.
    ///
    /// - Parameters:
    ///   - turn: Of the hub's pulse; nil if it idles.
    ///   - limit: How long a turn may take.
    /// - Returns: The turn's age, if it is to be reported.
    mutating func look(turn: Int?, at now: UInt64, limit: UInt64) -> UInt64? {
        guard let turn else {
            state = .fine
            return nil
        }
        guard case .stuck(turn, let since, let before, let next) = state else {
            state = .stuck(turn: turn, since: now, looks: 0, next: limit)
            return nil
        }
        let looks = before + 1
        let age = now - since
        state = .stuck(turn: turn, since: since, looks: looks, next: next)
        return looks >= HubWatch.looksNeeded && age >= next ? age : nil
    }

    /// Notes that the turn was reported at `age`: the next report is due at twice that.
    mutating func noteReport(at age: UInt64) {
        if case .stuck(let turn, let since, let looks, _) = state {
            state = .stuck(turn: turn, since: since, looks: looks, next: 2 * age)
        }
    }
}
