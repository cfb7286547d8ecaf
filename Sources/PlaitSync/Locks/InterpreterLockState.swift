internal import PlaitParking

/// The pure state of an ``InterpreterLock``.
///
/// A strand that has to wait is a seeker from its first look to its last. It stops waiting now and
/// then, to ask, so that the queue alone does not tell whether anybody wants the lock.
struct InterpreterLockState<Waiters: AgedWaiterList> {
    /// One strand's way to the lock.
    struct Seeker {
        let key: StrandKey
        /// It had the lock before and wants it back.
        var isRetake = false
        /// When it first had to wait; nil before.
        var since: UInt64?
        /// Its patience has ended: it asks if there has been no switch meanwhile.
        var isImpatient = false
        /// The switch that it saw last.
        var era = 0
    }

    enum Effect {
        case none
        /// It may take the lock, which is free, unless another is quicker.
        case wake(Waiters.Element)
        /// It has the lock.
        case handOver(Waiters.Element)
    }

    private(set) var policy: InterpreterLockPolicy
    private(set) var isHeld = false
    /// The holder; none while the one that it was handed to is on its way.
    private(set) var holder = StrandKey.none
    /// Somebody has asked since the last switch. Only while it is held.
    private(set) var isRequested = false
    /// Without the waits.
    private(set) var statistics = InterpreterLockStatistics()
    private(set) var seekers = 0
    /// Who released it although asked, and found nobody in the queue: it is not to have it before
    /// those who are about to come back there.
    private(set) var barred = StrandKey.none
    private(set) var barredSeeks = false
    private(set) var lastHolder = StrandKey.none
    private(set) var waiters = Waiters()

    init(policy: InterpreterLockPolicy) { self.policy = policy }

    // MARK: Taking

    /// Takes it for a strand that does not wait.
    mutating func tryTake(_ key: StrandKey) -> Bool {
        guard !isHeld && key != barred else { return false }
        hold(key)
        return true
    }

    /// Takes it and returns true, or queues `waiter`, after asking if its time has come.
    mutating func take(_ seeker: inout Seeker, orQueue waiter: Waiters.Element, now: UInt64) -> Bool
    {
        if tryTake(seeker.key) {
            if seeker.since != nil { seekers -= 1 }
            return true
        }
        if seeker.since == nil {
            seekers += 1
            if seeker.isRetake { statistics.failedRetakes += 1 }
            if seeker.key == barred { barredSeeks = true }
        } else if seeker.isImpatient && seeker.era == statistics.switches && isHeld && !isRequested
        {
            // A switch to another in its time was no answer to it, but the next holder has had no
            // time yet.
            isRequested = true
            statistics.requests += 1
        }
        let since = seeker.since ?? now
        seeker.since = since
        seeker.isImpatient = false
        seeker.era = statistics.switches
        waiters.insert(waiter, since: since)
        return false
    }

    /// The strand that it was handed to goes on.
    mutating func arrive(_ key: StrandKey) {
        holder = key
        lastHolder = key
    }

    /// A wait has ended otherwise; the seeker comes back to ``take(_:orQueue:now:)`` or leaves.
    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }

    /// A seeker gives up.
    mutating func leave(_ seeker: Seeker) -> Effect {
        guard seeker.since != nil else { return .none }
        seekers -= 1
        if seekers == 0 { isRequested = false }
        if seeker.key == barred { barredSeeks = false }
        if seekers == (barredSeeks ? 1 : 0) { endBar() }
        // It may have been woken for a lock that is free now. While one is barred, others come.
        return isHeld || barred != .none ? .none : wakeFirst()
    }

    // MARK: Giving

    /// The holder lets it go for its own reasons. If it was asked for, it is handed over.
    mutating func release() -> Effect {
        if isRequested {
            if let waiter = handOver() { return .handOver(waiter) }
            if seekers > 0 { barred = holder }
        }
        letGo()
        return wakeFirst()
    }

    /// The holder checks: hands it over if it was asked for. `.none`: it holds it still.
    mutating func honourRequest() -> Effect {
        guard isRequested, let waiter = handOver() else { return .none }
        statistics.forcedReleases += 1
        return .handOver(waiter)
    }

    /// The holder's ticks are over: releases it if anybody wants it. False: it holds it still.
    mutating func offer() -> (isReleased: Bool, Effect) {
        guard seekers > 0 else { return (false, .none) }
        statistics.offers += 1
        letGo()
        return (true, wakeFirst())
    }

    /// To be followed by ``rouse()``: who waits by the old policy is to wait by the new one.
    mutating func change(to policy: InterpreterLockPolicy) {
        self.policy = policy
        isRequested = false
    }

    /// Returns a waiter to wake, to look again; to be called until there is none.
    mutating func rouse() -> Waiters.Element? { waiters.claimFirst() }

    // MARK: Steps

    private mutating func hold(_ key: StrandKey) {
        isHeld = true
        holder = key
        endBar()
        if key != lastHolder {
            lastHolder = key
            statistics.switches += 1
        }
    }

    private mutating func letGo() {
        isHeld = false
        holder = .none
        isRequested = false
    }

    private mutating func endBar() {
        barred = .none
        barredSeeks = false
    }

    private mutating func handOver() -> Waiters.Element? {
        guard let waiter = waiters.claimFirst(as: .granted) else { return nil }
        seekers -= 1
        isRequested = false
        holder = .none
        // Never the one that had it: it did not wait.
        statistics.switches += 1
        return waiter
    }

    private mutating func wakeFirst() -> Effect {
        guard let waiter = waiters.claimFirst() else { return .none }
        return .wake(waiter)
    }
}
