public import PlaitParking
internal import PlaitPlatform

/// Lets strands wait for what others do under a lock. A waiter gives the lock back until it is
/// notified.
///
/// Waiters are notified first come, first served, and then take the lock one after another. However
/// a wait ends, the caller holds the lock again afterwards, as many times as before: neither a
/// limit nor a cancellation stops it from taking the lock again. A notification is never lost. If a
/// waiter has just timed out or was cancelled, its notification goes to the next waiter, even if
/// the cancellation came later, while the waiter was taking the lock again. The next waiter may
/// find that others were quicker, so test the condition that you wait for; ``wait(for:)`` does.
/// - Source: Python's `threading.Condition` and `asyncio.Condition`.
public final class Condition: @unchecked Sendable {
    // Sendable: `lock` is; `guardLock` guards `state`.
    @usableFromInline let lock: ConditionLock
    // A lock apart from the user's, which a waiter that gives up does not hold.
    private let guardLock = ShortLock()
    private var state = ConditionState<WaitQueue>()

    /// Makes a condition with a recursive lock of its own.
    public init(name: String? = nil, file: StaticString = #fileID, line: UInt = #line) {
        lock = .recursive(RLock(file: file, line: line))
        label = ObjectLabel(name, file, line)
    }

    /// Makes a condition over an existing lock, which other conditions may share.
    public init(
        lock: Lock, name: String? = nil, file: StaticString = #fileID, line: UInt = #line
    ) {
        self.lock = .plain(lock)
        label = ObjectLabel(name, file, line)
    }

    /// Makes a condition over an existing recursive lock. A wait gives it back however deep the
    /// caller holds it.
    public init(
        lock: RLock, name: String? = nil, file: StaticString = #fileID, line: UInt = #line
    ) {
        self.lock = .recursive(lock)
        label = ObjectLabel(name, file, line)
    }

    /// Its name in reports, or where it was made.
    public let label: ObjectLabel

    // MARK: Waiting

    /// Gives the lock back, waits for a notification, and takes the lock again.
    ///
    /// Blocks the calling thread or parks the calling fiber. Traps when the lock is not held. An
    /// ``RLock`` must be held by the caller; a ``Lock`` does not know its holder.
    /// - Throws: `CancellationError` when the strand is cancelled, also if that happens while it
    ///   takes the lock again. The caller holds the lock then too.
    /// - Source: Python's `Condition.wait`.
    @available(*, noasync)
    public func wait() throws {
        _ = try wait(until: .never)
    }

    /// Waits at most `limit`; `.zero` gives others a turn at the lock, `nil` waits for ever.
    ///
    /// The limit does not apply to taking the lock again.
    /// - Returns: Whether it was notified.
    @available(*, noasync)
    public func wait(within limit: Duration?) throws -> Bool {
        try wait(until: Deadline(within: limit))
    }

    /// Waits until `predicate` holds. Tests it at once and after each notification.
    ///
    /// The caller holds the lock while `predicate` runs. Errors of `predicate` are passed on.
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

    /// Gives the lock back, suspends the calling task until it is notified, and takes the lock
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
    /// Never blocks. The waiters go on once they get the lock, which the caller still holds. Traps
    /// when the lock is not held, as ``wait()`` does.
    /// - Source: Python's `Condition.notify`.
    public func notify(_ count: Int = 1) {
        demand(count >= 0, "notify(\(count)) of \(self); give 0 or more")
        notify(atMost: count, for: "notify")
    }

    /// Ends all waits.
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
        // A cancellation that came while the strand took the lock again was put off. It ends the
        // wait now.
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

    /// Queues a waiter, and only then gives the lock back, noting how often the caller held it. A
    /// strand that was cancelled before does not get here and keeps the lock.
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

    /// Whether the calling strand has an undelivered cancellation. The call delivers it.
    @available(*, noasync)
    private static func takeCancellation() -> Bool {
        // A wait that is not needed does nothing but this check.
        Parking.block(
            on: WaitTarget("Condition.wait"), until: .immediate, enrol: { _ in false },
            withdraw: { _ in }) == .cancelled
    }
}

extension Condition: CustomStringConvertible {
    /// The condition's name, or where it was made, and its lock, such as
    /// `Condition(changed, Lock(locked, accounts))`.
    public var description: String { "Condition(\(label), \(lock))" }
}

extension Condition: LabelledObject {}
