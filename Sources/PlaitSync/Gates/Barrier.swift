public import PlaitParking
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

/// A point at which a fixed number of strands wait for each other, again and again.
///
/// When the last of them has arrived, all go on; this is a pass. A strand that arrives for the next
/// pass waits until all strands have left this one. A party whose limit passes breaks the barrier
/// for all, since the others would wait for ever. A party that is cancelled leaves its place to
/// another.
/// - Source: Python's `threading.Barrier`. Cancellation works as in `asyncio.Barrier`.
public final class Barrier: @unchecked Sendable {
    // Sendable: `guardLock` guards `state`; the rest is constant.
    private let guardLock = ShortLock()
    private var state: BarrierState<WaitQueue>
    /// How many strands make a pass.
    public let parties: Int
    private let limit: Duration?
    private let action: (@Sendable () throws -> Void)?

    /// Its name in reports, or where it was made.
    public let label: ObjectLabel

    /// - Parameters:
    ///   - parties: How many strands make a pass; at least 1.
    ///   - limit: The limit of waits that give none; `nil` waits for ever.
    ///   - action: The last party to arrive runs it once for each pass, before any party goes on.
    ///     If it throws, that party gets the error, and the barrier is broken. It must not wait at
    ///     this barrier.
    public init(
        parties: Int, within limit: Duration? = nil, name: String? = nil,
        file: StaticString = #fileID, line: UInt = #line,
        action: (@Sendable () throws -> Void)? = nil
    ) {
        label = ObjectLabel(name, file, line)
        demand(parties >= 1, "a Barrier needs at least 1 party, not \(parties)")
        self.parties = parties
        self.limit = limit
        self.action = action
        state = BarrierState(parties: parties, hasAction: action != nil)
    }

    /// How many parties have arrived and wait for the others; 0 while the parties leave a pass.
    public var waiting: Int { guardLock.withLock { state.waiting } }

    /// Whether every wait throws `BarrierError.broken`, until ``reset()``.
    public var isBroken: Bool {
        guardLock.withLock { if case .broken = state.phase { true } else { false } }
    }

    // MARK: Waiting

    /// Waits for the other parties, at most for the barrier's own limit.
    ///
    /// Blocks the calling thread or parks the calling fiber. The party that completes the pass does
    /// not wait.
    /// - Returns: A number from 0 to `parties` - 1, different for each party of a pass, in the
    ///   order in which they leave. Use it to pick one of them: 0 is the party that arrived last.
    /// - Throws: `BarrierError.broken`; the error of the action; `CancellationError`, even if the
    ///   pass has been made meanwhile.
    /// - Source: Python's `Barrier.wait`.
    @available(*, noasync)
    @discardableResult
    public func wait() throws -> Int { try wait(within: limit) }

    /// Waits for the other parties, at most `limit`. With `.zero` only the last party passes; `nil`
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

    /// Breaks the barrier. All waits throw `BarrierError.broken`, present and later ones, until
    /// ``reset()``.
    ///
    /// Parties that have not yet left a completed pass throw it too.
    public func abort() { change { $0.abort() } }

    /// Makes the barrier as new. Parties that wait throw `BarrierError.broken`. Parties of a
    /// completed pass leave it as usual.
    public func reset() { change { $0.reset() } }

    // MARK: One visit

    /// The progress of one strand through one call of wait.
    private struct Visit {
        /// How the strand arrived; nil before it does.
        var arrival: BarrierState<WaitQueue>.Arrival?
        /// How the strand left after its limit had passed.
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

    /// Takes out a strand that timed out or was cancelled.
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

    /// The strand's index after a wait; nil if the strand has to arrive again.
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

    /// Ends an arrival that does not wait.
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

    /// Changes the state and wakes the waiters that this lets go on.
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
        case .filling, .acting: "Barrier(\(phase), waiting: \(waiting)/\(parties), \(label))"
        case .draining, .resetting, .broken: "Barrier(\(phase), \(label))"
        }
    }
}

extension Barrier: LabelledObject {}
