internal import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// How strands wait for an ``InterpreterLock``.
extension InterpreterLock {
    typealias Seeker = InterpreterLockState<WaitQueue>.Seeker

    enum Look { case taken, queued, policyChanged }

    func tryTake(_ key: StrandKey) -> Bool {
        guardLock.lock()
        let isTaken = state.tryTake(key)
        if isTaken { shortenTicks() }
        let isOwn = !isTaken && state.isHeld && state.holder == key
        guardLock.unlock()
        demand(!isOwn, "acquire of an InterpreterLock by its holder, \(strandName(key))")
        return isTaken
    }

    func seek(
        _ start: Seeker, until deadline: Deadline, isCancellable: Bool
    ) throws -> Bool {
        if deadline == .immediate { return false }
        let watch = try LockWatch.begin(self, start.key, until: deadline)
        defer { watch?.end() }
        var seeker = start
        while true {
            var look = Look.queued
            let patience = patience.load(ordering: .relaxed)
            let outcome = Parking.block(
                on: WaitTarget("InterpreterLock.acquire", self), until: deadline.or(in: patience),
                isCancellable: isCancellable,
                enrol: {
                    look = self.take(&seeker, orQueue: $0, patience)
                    return look == .queued
                }, withdraw: self.withdraw)
            if let done = try finish(&seeker, look, outcome, deadline) { return done }
        }
    }

    func seek(
        _ start: Seeker, until deadline: Deadline, isCancellable: Bool
    ) async throws -> Bool {
        if deadline == .immediate { return false }
        let watch = try LockWatch.begin(self, start.key, until: deadline)
        defer { watch?.end() }
        var seeker = start
        while true {
            var look = Look.queued
            let patience = patience.load(ordering: .relaxed)
            let outcome = await Parking.suspend(
                on: WaitTarget("InterpreterLock.acquire", self), until: deadline.or(in: patience),
                isCancellable: isCancellable,
                enrol: {
                    look = self.take(&seeker, orQueue: $0, patience)
                    return look == .queued
                }, withdraw: self.withdraw)
            if let done = try finish(&seeker, look, outcome, deadline) { return done }
        }
    }

    /// Waits until the seeker has the lock, whatever happens to the strand.
    func insist(_ seeker: Seeker) {
        do {
            _ = try seek(seeker, until: .never, isCancellable: false)
        } catch {
            fatalError("plait: \(error)")
        }
    }

    func takeBack(_ key: StrandKey) {
        if !tryTake(key) { insist(Seeker(key: key, isRetake: true)) }
    }

    func takeBack(_ key: StrandKey) async {
        if tryTake(key) { return }
        do {
            let seeker = Seeker(key: key, isRetake: true)
            _ = try await seek(seeker, until: .never, isCancellable: false)
        } catch {
            fatalError("plait: \(error)")
        }
    }

    private func take(_ seeker: inout Seeker, orQueue waiter: Waiter, _ patience: UInt64) -> Look {
        guardLock.lock()
        defer { guardLock.unlock() }
        guard patience == self.patience.load(ordering: .relaxed) else { return .policyChanged }
        let isTaken = state.take(&seeker, orQueue: waiter, now: monotonicNow())
        if isTaken { shortenTicks() }
        setBreaker()
        return isTaken ? .taken : .queued
    }

    private func withdraw(_ waiter: Waiter) {
        guardLock.withLock { state.withdraw(waiter) }
    }

    /// Whether a seeker has the lock after a wait; nil if it must try again.
    private func finish(
        _ seeker: inout Seeker, _ look: Look, _ outcome: WaitOutcome, _ deadline: Deadline
    ) throws(CancellationError) -> Bool? {
        switch outcome {
        case .granted:
            guardLock.withLock {
                state.arrive(seeker.key)
                shortenTicks()
            }
        case .woken, .pending:
            if look != .taken { return nil }
        case .timedOut:
            if deadline > .now {
                seeker.isImpatient = true
                return nil
            }
            leave(seeker)
            return false
        case .cancelled:
            leave(seeker)
            throw CancellationError()
        }
        if let since = seeker.since {
            waits.note(seeker.key, nanoseconds: monotonicNow() - since)
        }
        return true
    }

    private func leave(_ seeker: Seeker) {
        guardLock.lock()
        unlock(state.leave(seeker))
    }

    func release(by key: StrandKey) {
        guardLock.lock()
        demandHolder(key, "release of")
        unlock(state.release())
    }

    // MARK: Under the guard

    /// Unlocks the guard, then wakes the waiter that the effect names.
    func unlock(_ effect: InterpreterLockState<WaitQueue>.Effect) {
        setBreaker()
        guardLock.unlock()
        switch effect {
        case .none: break
        case .wake(let waiter), .handOver(let waiter): waiter.unpark()
        }
    }

    func setBreaker() {
        let value =
            state.isRequested || ticksAreStale
            ? Breaker.lookCloser : state.policy.ticks == nil ? Breaker.nothing : Breaker.count
        // Written only when it changes, since the holder reads it all the time.
        if breaker.load(ordering: .relaxed) != value { breaker.store(value, ordering: .relaxed) }
    }

    /// Called by the new holder. The ticks go on where the last holder left them, unless the policy
    /// now has fewer.
    private func shortenTicks() {
        if let ticks = state.policy.ticks {
            unsafe ticksLeft = unsafe min(max(ticksLeft, 1), ticks)
        }
    }

    func demandHolder(_ key: StrandKey, _ deed: StaticString) {
        if state.isHeld && state.holder == key { return }
        let state = state.isHeld ? "another holds" : "nobody holds"
        guardLock.unlock()
        demand(false, "\(deed) an InterpreterLock that \(state), by \(strandName(key))")
    }

    private func strandName(_ key: StrandKey) -> String {
        key.isTask ? "a task" : "strand \(Strand.current.name)"
    }

    static func validate(_ policy: InterpreterLockPolicy) {
        if let fault = policy.fault { demand(false, "an InterpreterLock \(fault)") }
    }
}

extension InterpreterLock: WatchedLock {
    var holders: [StrandKey] { guardLock.withLock { state.isHeld ? [state.holder] : [] } }
    var title: String { "InterpreterLock \(label)" }
}

extension Deadline {
    /// This deadline, or the given nanoseconds from now if that is sooner; `.max` never is.
    fileprivate func or(in nanoseconds: UInt64) -> Deadline {
        nanoseconds == .max ? self : min(self, Deadline.now.advanced(by: nanoseconds))
    }
}
