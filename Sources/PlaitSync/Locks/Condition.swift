internal import PlaitParking
internal import PlaitPlatform

/// Waiting for what others do under a lock: who waits gives the lock back until it is notified.
///
/// Waiters are notified first come, first served, and then take the lock one after another. However
/// a wait ends, the lock is held again afterwards, as many times as before: taking it again ends
/// neither by a limit nor by cancellation. A notification is never lost: one for a waiter that just
/// timed out or was cancelled goes to the next, even if the cancellation came after it, while the
/// waiter was taking the lock again. That next waiter may find that others were quicker, so test
/// what you wait for: ``wait(for:)`` does.
/// - Source: Python's `threading.Condition` and `asyncio.Condition`.
public final class Condition: @unchecked Sendable {
    // Sendable: `lock` is; `guardLock` guards `state`.
    @usableFromInline let lock: ConditionLock
    // Besides the user's lock, since who gives up does not hold that one.
    private let guardLock = ShortLock()
    private var state = ConditionState<WaitQueue>()

    /// Over a recursive lock of its own.
    public init() { lock = .recursive(RLock()) }

    /// Over a lock that is also used otherwise, or by other conditions.
    public init(lock: Lock) { self.lock = .plain(lock) }

    /// Over a lock that is also used otherwise. A wait gives it back however deep it is held.
    public init(lock: RLock) { self.lock = .recursive(lock) }

    // MARK: Waiting

    /// Gives the lock back, waits for a notification, and takes the lock again.
    ///
    /// Blocks the calling thread or parks the calling fiber. Traps when the lock is not held; a
    /// ``Lock`` does not know its holder, an ``RLock`` must be the caller's.
    /// - Throws: `CancellationError` when the strand is cancelled, be it while it takes the lock
    ///   again; the lock is held then too.
    /// - Source: Python's `Condition.wait`.
    @available(*, noasync)
    public func wait() throws {
        _ = try wait(until: .never)
    }

    /// Waits at most `limit`; `.zero` gives others a turn at the lock, `nil` waits for ever.
    ///
    /// Taking the lock again is not limited.
    /// - Returns: Whether it was notified.
    @available(*, noasync)
    public func wait(within limit: Duration?) throws -> Bool {
        try wait(until: Deadline(within: limit))
    }

    /// Waits until `predicate` holds: tested at once, and after each notification.
    ///
    /// `predicate` is called holding the lock; what it throws is passed on.
    /// - Source: Python's `Condition.wait_for`.
    @available(*, noasync)
    public func wait(for predicate: () throws -> Bool) throws {
        while try !predicate() { try wait() }
    }

    /// Waits until `predicate` holds, at most `limit` for all notifications together.
    /// - Returns: What `predicate` returned last.
    @available(*, noasync)
    public func wait(for predicate: () throws -> Bool, within limit: Duration?) throws -> Bool {
        let deadline = Deadline(within: limit)
        var isOver = false
        while true {
            if try predicate() { return true }
            if isOver { return false }
            isOver = try !wait(until: deadline)
        }
    }

    /// Gives the lock back, suspends the calling task until a notification, and takes the lock
    /// again.
    public func wait() async throws {
        _ = try await wait(until: .never)
    }

    /// Waits at most `limit`, suspending the calling task.
    public func wait(within limit: Duration?) async throws -> Bool {
        try await wait(until: Deadline(within: limit))
    }

    /// Waits until `predicate` holds, suspending the calling task.
    public func wait(for predicate: () throws -> Bool) async throws {
        while try !predicate() { try await wait() }
    }

    /// Waits until `predicate` holds, suspending the calling task at most for `limit`.
    public func wait(
        for predicate: () throws -> Bool, within limit: Duration?
    ) async throws -> Bool {
        let deadline = Deadline(within: limit)
        var isOver = false
        while true {
            if try predicate() { return true }
            if isOver { return false }
            isOver = try await !wait(until: deadline)
        }
    }

    // MARK: Notifying

    /// Ends the waits of the `count` oldest waiters, or of as many as there are.
    ///
    /// Never blocks; they go on once they get the lock, which the caller holds still. Traps when it
    /// does not, as ``wait()`` does.
    /// - Source: Python's `Condition.notify`.
    public func notify(_ count: Int = 1) {
        demand(count >= 0, "notify(\(count)) of \(self); give 0 or more")
        notify(atMost: count, for: "notify")
    }

    /// Ends the waits of all who wait.
    public func notifyAll() { notify(atMost: .max, for: "notifyAll") }

    private func notify(atMost count: Int, for verb: StaticString) {
        lock.demandHeld(for: verb, of: self)
        guardLock.lock()
        var claimed = ClaimedWaiters()
        var left = count
        while left > 0, let waiter = state.notify() {
            claimed.append(waiter)
            left -= 1
        }
        guardLock.unlock()
        claimed.unparkAll()
    }

    // MARK: One wait

    @available(*, noasync)
    private func wait(until deadline: Deadline) throws -> Bool {
        lock.demandHeld(for: "wait", of: self)
        var held: Int?
        let outcome = Parking.block(
            on: WaitTarget("Condition.wait", self), until: deadline,
            enrol: { self.enrol($0, &held) }, withdraw: { self.withdraw($0) })
        if let held { lock.reacquire(held) }
        // A cancellation while the lock was taken again was put off. Now it ends the wait.
        let isCancelled = outcome == .cancelled || Condition.takeCancellation()
        return try leave(outcome, isCancelled: isCancelled)
    }

    private func wait(until deadline: Deadline) async throws -> Bool {
        lock.demandHeld(for: "wait", of: self)
        var held: Int?
        let outcome = await Parking.suspend(
            on: WaitTarget("Condition.wait", self), until: deadline,
            enrol: { self.enrol($0, &held) }, withdraw: { self.withdraw($0) })
        if let held { await lock.reacquire(held) }
        return try leave(outcome, isCancelled: outcome == .cancelled || Task.isCancelled)
    }

    /// Queues a waiter, and only then gives the lock back, noting how often it was held. Who was
    /// cancelled beforehand does not get here, and keeps the lock.
    private func enrol(_ waiter: Waiter, _ held: inout Int?) -> Bool {
        guardLock.withLock { state.wait(waiter) }
        held = lock.releaseFully()
        return true
    }

    private func withdraw(_ waiter: Waiter) {
        guardLock.withLock { state.withdraw(waiter) }
    }

    private func leave(_ outcome: WaitOutcome, isCancelled: Bool) throws -> Bool {
        guard isCancelled else { return outcome.isWoken }
        guardLock.lock()
        let next = state.leave(outcome, isCancelled: true)
        guardLock.unlock()
        next?.unpark()
        throw CancellationError()
    }

    /// Whether the calling strand has been cancelled and was not told yet. It is told by this.
    @available(*, noasync)
    private static func takeCancellation() -> Bool {
        // A wait that is not needed asks for nothing else.
        Parking.block(
            on: WaitTarget("Condition.wait"), until: .immediate, enrol: { _ in false },
            withdraw: { _ in }) == .cancelled
    }
}

extension Condition: CustomStringConvertible {
    /// Which one it is and its lock, such as `Condition(0x55d0…, Lock(locked, 0x55d1…))`.
    public var description: String { "Condition(\(addressText(self)), \(lock))" }
}
