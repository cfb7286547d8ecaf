/// What a monitor knows of one hub from looking at it now and then: whether one turn takes too
/// long.
struct HubWatch {
    private enum State {
        case fine
        /// The hub has been at the same turn since `since`, in `looks` further looks. Report the
        /// turn when its age is `next`.
        case stuck(turn: Int, since: UInt64, looks: Int, next: UInt64)
    }

    private var state = State.fine

    /// At least two looks, since the process may have been stopped, or the watcher may have come
    /// late.
    private static let looksNeeded = 2

    /// Takes a look at nanosecond `now`; times are in nanoseconds.
    ///
    /// - Parameters:
    ///   - turn: The turn of the hub's pulse; nil if the hub idles.
    ///   - limit: How long a turn may take.
    /// - Returns: The turn's age, if the caller must report it now; otherwise nil.
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
