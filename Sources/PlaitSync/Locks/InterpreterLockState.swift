internal import PlaitParking

/// The pure state of an ``InterpreterLock``.
///
/// A strand that has to wait is a seeker from its first attempt to its last. A seeker stops waiting
/// now and then to ask for the lock, so the queue alone does not tell whether anybody wants it.
struct InterpreterLockState<Waiters: AgedWaiterList> {
    /// The attempts of one strand to get the lock.
    struct Seeker {
        let key: StrandKey
        /// Whether the strand held the lock before and wants it back.
        var isRetake = false
        /// When the strand first had to wait; nil before that.
        var since: UInt64?
        /// Whether its patience has ended. It then asks for the lock, unless there was a switch
        /// meanwhile.
        var isImpatient = false
        /// The number of the switch that the strand saw last.
        var era = 0
    }

    enum Effect {
        case none
        /// The waiter may take the lock, which is free, unless another strand is quicker.
        case wake(Waiters.Element)
        /// The waiter has the lock.
        case handOver(Waiters.Element)
    }

    private(set) var policy: InterpreterLockPolicy
    private(set) var isHeld = false
    /// The holder. None while the strand to which the lock was handed is not yet running.
    private(set) var holder = StrandKey.none
    /// Whether somebody has asked since the last switch. True only while the lock is held.
    private(set) var isRequested = false
    /// The statistics, without the waits.
    private(set) var statistics = InterpreterLockStatistics()
    private(set) var seekers = 0
    /// A strand that released the lock on request but found nobody in the queue. It must not get
    /// the lock before the seekers that are about to return to the queue.
    private(set) var barred = StrandKey.none
    private(set) var barredSeeks = false
    private(set) var lastHolder = StrandKey.none
    private(set) var waiters = Waiters()

    init(policy: InterpreterLockPolicy) { self.policy = policy }

    // MARK: Taking

    /// Takes the lock for a strand that does not wait.
    mutating func tryTake(_ key: StrandKey) -> Bool {
        guard !isHeld && key != barred else { return false }
        hold(key)
        return true
    }

    /// Takes the lock and returns true. Otherwise queues `waiter`, and asks for the lock first if
    /// its patience has ended.
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
            // If another strand got the lock meanwhile, the seeker does not have it, but the new
            // holder has had no time yet.
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

    /// The strand to which the lock was handed goes on.
    mutating func arrive(_ key: StrandKey) {
        holder = key
        lastHolder = key
    }

    /// A wait timed out or was cancelled. The seeker comes back to ``take(_:orQueue:now:)`` or
    /// leaves.
    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }

    /// A seeker gives up.
    mutating func leave(_ seeker: Seeker) -> Effect {
        guard seeker.since != nil else { return .none }
        seekers -= 1
        if seekers == 0 { isRequested = false }
        if seeker.key == barred { barredSeeks = false }
        if seekers == (barredSeeks ? 1 : 0) { endBar() }
        // The seeker may have been woken for a lock that is free now. While a strand is barred,
        // others are on their way.
        return isHeld || barred != .none ? .none : wakeFirst()
    }

    // MARK: Giving

    /// The holder releases the lock for its own reasons. If a seeker has asked, the lock is handed
    /// over.
    mutating func release() -> Effect {
        if isRequested {
            if let waiter = handOver() { return .handOver(waiter) }
            if seekers > 0 { barred = holder }
        }
        letGo()
        return wakeFirst()
    }

    /// The holder checks, and hands the lock over if a seeker has asked. `.none` means that it
    /// still holds the lock.
    mutating func honourRequest() -> Effect {
        guard isRequested, let waiter = handOver() else { return .none }
        statistics.forcedReleases += 1
        return .handOver(waiter)
    }

    /// The holder's ticks are over. Releases the lock if anybody wants it; `isReleased` is false if
    /// the holder keeps it.
    mutating func offer() -> (isReleased: Bool, Effect) {
        guard seekers > 0 else { return (false, .none) }
        statistics.offers += 1
        letGo()
        return (true, wakeFirst())
    }

    /// Changes the policy. Call ``rouse()`` after it, so that seekers that wait by the old policy
    /// wait by the new one.
    mutating func change(to policy: InterpreterLockPolicy) {
        self.policy = policy
        isRequested = false
    }

    /// Returns a waiter to wake, which will look again. Call it until it returns nil.
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
        // This is never the last holder, which did not wait.
        statistics.switches += 1
        return waiter
    }

    private mutating func wakeFirst() -> Effect {
        guard let waiter = waiters.claimFirst() else { return .none }
        return .wake(waiter)
    }
}
