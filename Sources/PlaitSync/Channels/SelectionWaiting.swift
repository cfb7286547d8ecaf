internal import PlaitParking
public import PlaitPlatform

extension Selection {
    @usableFromInline
    @unsafe
    func add(_ seat: UnsafeMutablePointer<SelectSeat>) { unsafe line.pointee.add(seat) }

    /// Whether this is the seat of the case that was chosen.
    @inlinable
    @unsafe
    func isWinner(_ seat: UnsafeMutablePointer<SelectSeat>) -> Bool {
        unsafe line.pointee.winner == seat
    }

    // MARK: Choosing

    /// Chooses a case that is ready. Returns false when none is.
    @usableFromInline
    func chooseAtOnce() -> Bool {
        lockAll()
        return finish(tryAll())
    }

    /// Chooses a case, waiting until one is ready.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    @available(*, noasync)
    @usableFromInline
    func choose(until deadline: Deadline) throws {
        if chooseAtOnce() { return }
        demandEnd(deadline)
        let outcome = unsafe Parking.block(
            on: WaitTarget("select"), slot: nil, until: deadline, isGroup: true,
            enrol: { enrol($0) }, withdraw: { withdraw($0) })
        guard try outcome.wasWoken() else { throw TimedOut("select") }
    }

    /// As the other, suspending the calling task.
    @usableFromInline
    func choose(until deadline: Deadline) async throws {
        if chooseAtOnce() { return }
        demandEnd(deadline)
        let outcome = unsafe await Parking.suspend(
            on: WaitTarget("select"), slot: nil, until: deadline, isGroup: true,
            enrol: { enrol($0) }, withdraw: { withdraw($0) })
        guard try outcome.wasWoken() else { throw TimedOut("select") }
    }

    /// Chooses a case that is ready or becomes ready within the limit. Returns false when there is
    /// none.
    @available(*, noasync)
    @usableFromInline
    func choose(within limit: Duration) throws -> Bool {
        if limit <= .zero { return chooseAtOnce() }
        do {
            try choose(until: Deadline(within: limit))
            return true
        } catch is TimedOut {
            return false
        }
    }

    /// As the other, suspending the calling task.
    @usableFromInline
    func choose(within limit: Duration) async throws -> Bool {
        if limit <= .zero { return chooseAtOnce() }
        do {
            try await choose(until: Deadline(within: limit))
            return true
        } catch is TimedOut {
            return false
        }
    }

    private func demandEnd(_ deadline: Deadline) {
        demand(
            unsafe line.pointee.count > 0 || deadline != .never,
            "a select without a case and without a limit would wait for ever")
    }

    // MARK: Waiting

    /// Queues the members of the group, unless a case has become ready.
    private func enrol(_ primary: Waiter) -> Bool {
        lockAll()
        let attempt = tryAll()
        if case .mustWait = attempt {
            var next = unsafe line.pointee.toTry
            while let seat = unsafe next {
                unsafe Waiter(address: UnsafeMutableRawPointer(seat)).join(primary)
                _ = unsafe seat.pointee.perform(seat, .enrol)
                unsafe next = seat.pointee.nextToTry
            }
        }
        return !finish(attempt)
    }

    /// Takes out the members that are still queued, each under its channel's lock. After that
    /// nobody reaches the group's memory. It may lock one channel after another, since the wait has
    /// ended and cannot be won again.
    private func withdraw(_ primary: Waiter) {
        if let winner = primary.winner {
            unsafe line.pointee.winner = winner.address.assumingMemoryBound(to: SelectSeat.self)
        }
        var next = unsafe line.pointee.toLock
        while let seat = unsafe next {
            // The strand that settled the winner has taken it out already.
            if unsafe !isWinner(seat) { _ = unsafe seat.pointee.perform(seat, .withdraw) }
            unsafe next = seat.pointee.nextToLock
        }
    }

    // MARK: Looking under all locks

    /// Performs the first ready case and notes that it is chosen.
    private func tryAll() -> ChannelAttempt {
        var next = unsafe line.pointee.toTry
        while let seat = unsafe next {
            let attempt = unsafe seat.pointee.perform(seat, .attempt)
            if case .mustWait = attempt {
                unsafe next = seat.pointee.nextToTry
                continue
            }
            unsafe line.pointee.winner = seat
            return attempt
        }
        return .mustWait
    }

    /// Unlocks, then lets the counterpart go on. Returns whether a case was chosen.
    private func finish(_ attempt: ChannelAttempt) -> Bool {
        performOnce(.unlock)
        switch attempt {
        case .done(let counterpart):
            counterpart?.unpark()
            return true
        case .mustWait: return false
        // The place of the case shows it.
        case .closed: return true
        }
    }

    private func lockAll() { performOnce(.lock) }

    /// Locks or unlocks each channel once, although a channel may have several cases.
    private func performOnce(_ step: SelectStep) {
        var last: UInt = 0
        var next = unsafe line.pointee.toLock
        while let seat = unsafe next {
            if unsafe seat.pointee.channel != last { _ = unsafe seat.pointee.perform(seat, step) }
            unsafe last = seat.pointee.channel
            unsafe next = seat.pointee.nextToLock
        }
    }
}
