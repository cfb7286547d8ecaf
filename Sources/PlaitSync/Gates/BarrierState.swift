internal import PlaitParking

/// The pure state of a ``Barrier``.
///
/// Parties fill a pass, one of them runs the action, and all leave. No strand arrives for the next
/// pass before all have left this one. There is one pass at a time, so a strand need not know the
/// number of its pass.
struct BarrierState<Waiters: WaiterList> {
    enum Phase {
        /// Parties arrive.
        case filling
        /// All have arrived, and one of them runs the action.
        case acting
        /// The pass was made; parties leave.
        case draining
        /// Parties leave and learn that the barrier is broken. After that it fills anew.
        case resetting
        /// Parties leave and learn that the barrier is broken. It stays broken.
        case broken
    }

    enum Arrival {
        /// The party completed the pass and has left it.
        case passed(index: Int)
        /// The party completed the pass. It runs the action now and then calls
        /// ``finishAction(isDone:)``.
        case acts
        /// The strand is queued as a party.
        case waits
        /// The strand is queued until the parties of the last pass have left. Then it arrives
        /// again.
        case isHeldBack
        case broken
    }

    enum Departure: Equatable { case passed(index: Int), broken }

    let parties: Int
    private let hasAction: Bool
    private(set) var phase = Phase.filling
    /// How many parties have arrived and not left.
    private(set) var members = 0
    /// How many indices this pass has given out.
    private var departed = 0
    /// A strand that waited for the next pass has given up, so that pass will be broken.
    private var breaksNext = false
    private var waiters = Waiters()
    private var heldBack = Waiters()

    init(parties: Int, hasAction: Bool) {
        self.parties = parties
        self.hasAction = hasAction
    }

    /// How many parties wait for others.
    var waiting: Int {
        switch phase {
        case .filling, .acting: members
        case .draining, .resetting, .broken: 0
        }
    }

    // After each of the following, call nextWoken() until it returns nil.

    /// As ``arrive(orQueue:)``, if the caller need not wait; nil if it must.
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

    /// Lets the party that ran the action leave, and returns how it leaves.
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

    /// A party's limit has passed. This breaks a pass that is not complete yet.
    mutating func timeOut(_ waiter: Waiters.Element) -> Departure {
        waiters.remove(waiter)
        switch phase {
        case .filling, .acting: abort()
        case .draining, .resetting, .broken: break
        }
        return depart()
    }

    /// A party was cancelled. If the pass is not complete, the others wait for another party in its
    /// place.
    mutating func cancel(_ waiter: Waiters.Element) {
        waiters.remove(waiter)
        leave()
    }

    /// The limit of a strand that is held back has passed. This breaks the pass for which it
    /// waited.
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

    /// Lets the barrier fill anew. A pass that is complete stays as it is.
    mutating func reset() {
        switch phase {
        case .filling, .acting, .broken: phase = members == 0 ? .filling : .resetting
        case .draining, .resetting: break
        }
        breaksNext = false
    }

    // MARK: Waking

    /// A waiter to wake. After each change, call it until it returns nil.
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
