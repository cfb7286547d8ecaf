internal import PlaitParking
internal import PlaitPlatform

/// Why a wait at a ``Barrier`` ended without a pass.
public enum BarrierError: String, Error, Codable, Hashable, Sendable, CustomStringConvertible {
    /// A party's limit passed, the action threw, or somebody called ``Barrier/abort()`` or
    /// ``Barrier/reset()``.
    case broken

    public var description: String {
        "the barrier is broken: a party gave up, its action failed, or it was aborted or reset"
    }
}

/// A place where a fixed number of strands wait for each other, again and again.
///
/// When the last of them has arrived, all go on: a pass. One that arrives for the next pass is held
/// back until everybody has left this one. A party that gives up by its limit breaks the barrier
/// for all, since they would wait for ever; one that is cancelled leaves its place to another.
/// - Source: Python's `threading.Barrier`; cancellation is that of `asyncio.Barrier`.
public final class Barrier: @unchecked Sendable {
    // Sendable: `guardLock` guards `state`; the rest is constant.
    private let guardLock = ShortLock()
    private var state: BarrierState<WaitQueue>
    /// How many make a pass.
    public let parties: Int
    private let limit: Duration?
    private let action: (@Sendable () throws -> Void)?

    /// - Parameters:
    ///   - parties: How many make a pass; at least 1.
    ///   - limit: For waits that give none; `nil` waits for ever.
    ///   - action: Run once for each pass, by the party that arrives last, before any goes on. If
    ///     it throws, that party gets the error, and the barrier is broken. It must not wait at
    ///     this barrier.
    public init(
        parties: Int, within limit: Duration? = nil, action: (@Sendable () throws -> Void)? = nil
    ) {
        demand(parties >= 1, "a Barrier needs at least 1 party, not \(parties)")
        self.parties = parties
        self.limit = limit
        self.action = action
        state = BarrierState(parties: parties, hasAction: action != nil)
    }

    /// Parties that have arrived and wait for the others; 0 while a pass is being left.
    public var waiting: Int { guardLock.withLock { state.waiting } }

    /// Whether every wait throws `BarrierError.broken`, until ``reset()``.
    public var isBroken: Bool {
        guardLock.withLock { if case .broken = state.phase { true } else { false } }
    }

    // MARK: Waiting

    /// Waits for the other parties, at most for the barrier's own limit.
    ///
    /// Blocks the calling thread or parks the calling fiber; who completes the pass does not wait.
    /// - Returns: A number from 0 up to `parties`, another for each party of a pass, in the order
    ///   in which they leave: to pick one of them. 0 is who arrived last.
    /// - Throws: `BarrierError.broken`; what the action threw; `CancellationError`, even if the
    ///   pass was made meanwhile.
    /// - Source: Python's `Barrier.wait`.
    @available(*, noasync)
    @discardableResult
    public func wait() throws -> Int { try wait(within: limit) }

    /// Waits for the other parties, at most `limit`; `.zero` passes only if it is the last, `nil`
    /// waits for ever. The limit includes the action; past it, the barrier is broken.
    @available(*, noasync)
    @discardableResult
    public func wait(within limit: Duration?) throws -> Int {
        if let arrival = change({ $0.arriveAtOnce() }) { return try finish(arrival) }
        let deadline = Deadline(within: limit)
        var visit = Visit()
        while true {
            let outcome = Parking.block(
                on: WaitTarget("Barrier.wait", self), until: deadline,
                enrol: { self.enrol($0, &visit) }, withdraw: { self.withdraw($0, &visit) })
            if let index = try finish(outcome, &visit) { return index }
        }
    }

    /// Waits for the other parties, suspending the calling task.
    @discardableResult
    public func wait() async throws -> Int { try await wait(within: limit) }

    /// Waits for the other parties, suspending the calling task at most for `limit`.
    @discardableResult
    public func wait(within limit: Duration?) async throws -> Int {
        if let arrival = change({ $0.arriveAtOnce() }) { return try finish(arrival) }
        let deadline = Deadline(within: limit)
        var visit = Visit()
        while true {
            let outcome = await Parking.suspend(
                on: WaitTarget("Barrier.wait", self), until: deadline,
                enrol: { self.enrol($0, &visit) }, withdraw: { self.withdraw($0, &visit) })
            if let index = try finish(outcome, &visit) { return index }
        }
    }

    // MARK: Breaking and mending

    /// Breaks the barrier: all who wait or come throw `BarrierError.broken`, until ``reset()``.
    ///
    /// So do those who have not yet left a pass that was made.
    public func abort() { change { $0.abort() } }

    /// Makes the barrier as new. Parties that wait throw `BarrierError.broken`; a pass that was
    /// made already is left as usual.
    public func reset() { change { $0.reset() } }

    // MARK: One visit

    /// What a strand does here in one call of wait.
    private struct Visit {
        /// How it arrived; nil before.
        var arrival: BarrierState<WaitQueue>.Arrival?
        /// How it left when its limit had passed.
        var departure = BarrierState<WaitQueue>.Departure.broken
    }

    private func enrol(_ waiter: Waiter, _ visit: inout Visit) -> Bool {
        let arrival = change { $0.arrive(orQueue: waiter) }
        visit.arrival = arrival
        return switch arrival {
        case .waits, .isHeldBack: true
        case .passed, .acts, .broken: false
        }
    }

    /// Takes out a strand whose limit has passed or that was cancelled.
    private func withdraw(_ waiter: Waiter, _ visit: inout Visit) {
        let isCancelled = waiter.outcome == .cancelled
        switch visit.arrival {
        case .waits where isCancelled: change { $0.cancel(waiter) }
        case .waits: visit.departure = change { $0.timeOut(waiter) }
        case .isHeldBack where isCancelled: change { $0.cancelHeldBack(waiter) }
        case .isHeldBack: change { $0.timeOutHeldBack(waiter) }
        case .passed, .acts, .broken, nil: break
        }
    }

    /// The index after a wait; nil when it has to arrive again.
    private func finish(_ outcome: WaitOutcome, _ visit: inout Visit) throws -> Int? {
        guard try outcome.wasWoken() else { return try index(from: visit.departure) }
        switch visit.arrival {
        case .waits: return try index(from: change { $0.depart() })
        case .isHeldBack, nil:
            visit.arrival = nil
            return nil
        case .passed, .acts, .broken: return try visit.arrival.map { try finish($0) }
        }
    }

    /// The end of an arrival that does not wait.
    private func finish(_ arrival: BarrierState<WaitQueue>.Arrival) throws -> Int {
        switch arrival {
        case .passed(let index): return index
        case .acts: return try act()
        case .broken, .waits, .isHeldBack: throw BarrierError.broken
        }
    }

    private func index(from departure: BarrierState<WaitQueue>.Departure) throws -> Int {
        switch departure {
        case .passed(let index): return index
        case .broken: throw BarrierError.broken
        }
    }

    private func act() throws -> Int {
        do {
            try action?()
        } catch {
            _ = change { $0.finishAction(isDone: false) }
            throw error
        }
        return try index(from: change { $0.finishAction(isDone: true) })
    }

    /// Changes the state and wakes whom that concerns.
    private func change<Result>(_ body: (inout BarrierState<WaitQueue>) -> Result) -> Result {
        guardLock.lock()
        let result = body(&state)
        var claimed = ClaimedWaiters()
        while let waiter = state.nextWoken() { claimed.append(waiter) }
        guardLock.unlock()
        claimed.unparkAll()
        return result
    }
}

extension Barrier: CustomStringConvertible {
    /// Such as `Barrier(filling, waiting: 1/3)`, `Barrier(broken)`.
    public var description: String {
        let (phase, waiting) = guardLock.withLock { (state.phase, state.waiting) }
        return switch phase {
        case .filling, .acting: "Barrier(\(phase), waiting: \(waiting)/\(parties))"
        case .draining, .resetting, .broken: "Barrier(\(phase))"
        }
    }
}
