internal import PlaitParking

/// The pure state of a ``Barrier``.
///
/// A pass is filled, acted for and left; no strand arrives for the next before all have left this
/// one. So a strand inside needs no number of its pass: there is one at a time.
struct BarrierState<Waiters: WaiterList> {
    enum Phase {
        /// Parties arrive.
        case filling
        /// All have arrived, and one of them runs the action.
        case acting
        /// The pass was made; parties leave.
        case draining
        /// Parties leave, told that it is broken; then it fills anew.
        case resetting
        /// As that, but it stays so.
        case broken
    }

    enum Arrival {
        /// It completed the pass and has left it.
        case passed(index: Int)
        /// It completed the pass, and is to run the action and then to ``finishAction(isDone:)``.
        case acts
        /// Queued as a party.
        case waits
        /// Queued until those before have left; then it is to arrive again.
        case isHeldBack
        case broken
    }

    enum Departure: Equatable { case passed(index: Int), broken }

    let parties: Int
    private let hasAction: Bool
    private(set) var phase = Phase.filling
    /// Parties that have arrived and not left.
    private(set) var members = 0
    /// Indices given out in this pass.
    private var departed = 0
    /// One who waited for the next pass gave up: that cannot be made.
    private var breaksNext = false
    private var waiters = Waiters()
    private var heldBack = Waiters()

    init(parties: Int, hasAction: Bool) {
        self.parties = parties
        self.hasAction = hasAction
    }

    /// Parties that wait for others.
    var waiting: Int {
        switch phase {
        case .filling, .acting: members
        case .draining, .resetting, .broken: 0
        }
    }

    // Each of the following is to be followed by calls of nextWoken().

    /// As ``arrive(orQueue:)``, for a caller that need not wait; nil if it must.
    mutating func arriveAtOnce() -> Arrival? {
        switch phase {
        case .filling where members == parties - 1: complete()
        case .broken: .broken
        case .filling, .acting, .draining, .resetting: nil
        }
    }

    mutating func arrive(orQueue waiter: Waiters.Element) -> Arrival {
        if let arrival = arriveAtOnce() { return arrival }
        if case .filling = phase {
            members += 1
            waiters.append(waiter)
            return .waits
        }
        heldBack.append(waiter)
        return .isHeldBack
    }

    private mutating func complete() -> Arrival {
        members += 1
        departed = 0
        if hasAction {
            phase = .acting
            return .acts
        }
        phase = .draining
        return switch depart() {
        case .passed(let index): .passed(index: index)
        case .broken: .broken
        }
    }

    /// What the party that ran the action is told; it leaves.
    mutating func finishAction(isDone: Bool) -> Departure {
        if case .acting = phase { phase = isDone ? .draining : .broken }
        return depart()
    }

    /// A party that was woken leaves.
    mutating func depart() -> Departure {
        var departure = Departure.broken
        if case .draining = phase {
            departure = .passed(index: departed)
            departed += 1
        }
        leave()
        return departure
    }

    private mutating func leave() {
        members -= 1
        switch phase {
        case .draining where members == 0, .resetting where members == 0:
            phase = breaksNext ? .broken : .filling
            breaksNext = false
        case .filling, .acting, .draining, .resetting, .broken: break
        }
    }

    // MARK: Giving up

    /// A party's limit has passed: it breaks a pass that is not made yet.
    mutating func timeOut(_ waiter: Waiters.Element) -> Departure {
        waiters.remove(waiter)
        switch phase {
        case .filling, .acting: abort()
        case .draining, .resetting, .broken: break
        }
        return depart()
    }

    /// A party was cancelled: the others go on waiting for one in its place, if it is missed.
    mutating func cancel(_ waiter: Waiters.Element) {
        waiters.remove(waiter)
        leave()
    }

    /// The limit of one that is held back has passed: it breaks the pass that it waited for.
    mutating func timeOutHeldBack(_ waiter: Waiters.Element) {
        heldBack.remove(waiter)
        switch phase {
        case .filling: abort()
        case .acting, .draining, .resetting: breaksNext = true
        case .broken: break
        }
    }

    mutating func cancelHeldBack(_ waiter: Waiters.Element) { heldBack.remove(waiter) }

    mutating func abort() {
        phase = .broken
        breaksNext = false
    }

    /// Makes it fill anew. A pass that is made already is left as it is.
    mutating func reset() {
        switch phase {
        case .filling, .acting, .broken: phase = members == 0 ? .filling : .resetting
        case .draining, .resetting: break
        }
        breaksNext = false
    }

    // MARK: Waking

    /// One to wake; to be called, after each change, until there is none.
    mutating func nextWoken() -> Waiters.Element? {
        switch phase {
        case .filling: heldBack.claimFirst()
        case .acting: nil
        case .draining, .resetting: waiters.claimFirst()
        case .broken: waiters.claimFirst() ?? heldBack.claimFirst()
        }
    }
}

// For tests, which walk through all states.
extension BarrierState: Equatable, Hashable where Waiters: Hashable {}
