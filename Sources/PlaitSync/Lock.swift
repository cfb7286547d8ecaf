internal import PlaitParking
internal import PlaitPlatform
public import Synchronization

/// A mutual exclusion lock for threads, fibers and tasks.
///
/// Not reentrant. It may be released by another strand than the one that took it, as Python's. A
/// running strand may take it before a queued one, which is fast; but a waiter older than 1 ms gets
/// it handed over, so that none starves. Uncontended, it costs one atomic operation to take and one
/// to release, and no system call.
///
/// - Source: Python's `threading.Lock`; the hand-over is that of WebKit's and parking_lot's.
public final class Lock: @unchecked Sendable {
    // Sendable: `word` is atomic; `guardLock` guards `waiters`, and every change of `word` that
    // sets or clears its waiters bit.
    @usableFromInline let word = Atomic<UInt32>(0)
    private let guardLock = ShortLock()
    private var waiters = WaitQueue()

    public init() {}

    deinit {
        demand(waiters.isEmpty, "a Lock was freed while strands wait for it")
    }

    /// Whether anyone holds it at this moment.
    public var isLocked: Bool { current.isHeld }

    private var current: LockWord { LockWord(bits: word.load(ordering: .relaxed)) }

    // MARK: Acquiring

    /// Takes the lock if nobody holds it. Never waits.
    @inlinable
    public func tryAcquire() -> Bool {
        // .acquiring pairs with the .releasing exchange in release().
        word.compareExchange(
            expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged || tryAcquireSlowly()
    }

    /// Takes the lock, waiting while another holds it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `CancellationError` when the strand is cancelled; the lock is not held then.
    /// - Source: Python's `Lock.acquire`.
    @available(*, noasync)
    @inlinable
    public func acquire() throws(CancellationError) {
        if word.compareExchange(
            expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged {
            return
        }
        _ = try acquireSlowly(within: nil)
    }

    /// Takes the lock, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Whether it is held now.
    /// - Throws: `CancellationError` when the strand is cancelled; the lock is not held then.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws(CancellationError) -> Bool {
        if tryAcquire() { return true }
        return try acquireSlowly(within: limit)
    }

    /// Takes the lock, suspending the calling task while another holds it.
    public func acquire() async throws(CancellationError) {
        _ = try await acquire(within: nil)
    }

    /// Takes the lock, suspending the calling task at most for `limit`.
    public func acquire(within limit: Duration?) async throws(CancellationError) -> Bool {
        if tryAcquire() { return true }
        let deadline = Deadline(within: limit)
        var attempt = Attempt()
        while true {
            let outcome = await Parking.suspend(
                on: WaitTarget("Lock.acquire", self), until: deadline,
                enrol: { self.enrol($0, &attempt) }, withdraw: self.withdraw)
            if let done = try finish(attempt, outcome) { return done }
        }
    }

    /// Runs `body` holding the lock. Waiting for the lock is not cancellable: `body` runs.
    @available(*, noasync)
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if !word.compareExchange(
            expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged {
            acquireUncancellably()
        }
        defer { release() }
        return try body()
    }

    /// Runs `body` holding the lock; the calling task is suspended while another holds it.
    /// - Throws: `CancellationError` when the task is cancelled while it waits, and what `body`
    ///   throws.
    public func withLock<Result>(
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await acquire()
        defer { release() }
        return try await body()
    }

    /// As ``withLock(_:)``, with a body that does not suspend.
    public func withLock<Result>(
        _ body: () throws -> Result
    ) async throws -> Result {
        try await acquire()
        defer { release() }
        return try body()
    }

    // MARK: Releasing

    /// Gives the lock back and lets a waiter have it.
    ///
    /// Releasing a lock that is not held traps. Any strand may release it.
    @inlinable
    public func release() {
        // .releasing pairs with the .acquiring of whoever takes it next.
        let (done, seen) = word.compareExchange(
            expected: 1, desired: 0, successOrdering: .releasing, failureOrdering: .relaxed)
        if !done { releaseSlowly(seen) }
    }

    @usableFromInline
    func releaseSlowly(_ seen: UInt32) {
        demand(
            LockWord(bits: seen).isHeld,
            "release of a Lock that is not held, by strand \(Strand.current.name)")
        guardLock.lock()
        let isOwed = waiters.first.map {
            LockWord.mustHandOver(since: $0.since, now: monotonicNow())
        }
        let waiter = waiters.claimFirst(as: isOwed == true ? .granted : .woken)
        // Nobody else changes a held word but under this guard.
        let next = LockWord.afterRelease(
            isHandedOver: waiter != nil && isOwed == true, hasWaiters: !waiters.isEmpty)
        word.store(next.bits, ordering: .releasing)
        guardLock.unlock()
        waiter?.unpark()
    }

    // MARK: Waiting

    /// The tries of one strand to get the lock: it may be woken and find itself overtaken.
    private struct Attempt {
        /// When it first queued; nil before.
        var since: UInt64?
        /// It took the lock instead of queueing.
        var isTaken = false
    }

    private func enrol(_ waiter: Waiter, _ attempt: inout Attempt) -> Bool {
        guardLock.lock()
        defer { guardLock.unlock() }
        while true {
            let seen = current
            if let taken = seen.taken {
                if change(seen, to: taken) {
                    attempt.isTaken = true
                    return false
                }
            } else if let announced = seen.withWaiters, change(seen, to: announced) {
                break
            }
        }
        if let since = attempt.since {
            // Woken and overtaken: it keeps its age and its place before the others.
            waiter.since = since
            waiters.prepend(waiter)
        } else {
            waiter.since = monotonicNow()
            attempt.since = waiter.since
            waiters.append(waiter)
        }
        return true
    }

    private func change(_ seen: LockWord, to next: LockWord) -> Bool {
        word.compareExchange(
            expected: seen.bits, desired: next.bits, successOrdering: .acquiring,
            failureOrdering: .relaxed
        ).exchanged
    }

    private func withdraw(_ waiter: Waiter) {
        guardLock.withLock {
            waiters.remove(waiter)
            if waiters.isEmpty { word.bitwiseAnd(~2, ordering: .relaxed) }
        }
    }

    /// Whether an attempt has the lock after a wait; nil when it has to try again.
    private func finish(
        _ attempt: Attempt, _ outcome: WaitOutcome
    ) throws(CancellationError) -> Bool? {
        switch outcome {
        case .granted: return true
        case .woken, .pending: return attempt.isTaken ? true : nil
        case .timedOut, .cancelled:
            if attempt.since != nil { passOn() }
            if outcome == .cancelled { throw CancellationError() }
            return false
        }
    }

    /// A strand that gives up may have been woken before, for a lock that is free now: the next
    /// waiter must be woken in its place.
    private func passOn() {
        guardLock.lock()
        var waiter: Waiter?
        if !current.isHeld {
            waiter = waiters.claimFirst()
            if waiters.isEmpty { word.bitwiseAnd(~2, ordering: .relaxed) }
        }
        guardLock.unlock()
        waiter?.unpark()
    }

    @usableFromInline
    func tryAcquireSlowly() -> Bool {
        // The word may say that waiters are queued while nobody holds the lock.
        while let taken = current.taken {
            if change(LockWord(bits: taken.bits & ~1), to: taken) { return true }
        }
        return false
    }

    @usableFromInline
    func acquireUncancellably() {
        _ = try? acquireSlowly(until: .never, isCancellable: false)
    }

    @usableFromInline
    func acquireSlowly(within limit: Duration?) throws(CancellationError) -> Bool {
        try acquireSlowly(until: Deadline(within: limit), isCancellable: true)
    }

    private func acquireSlowly(
        until deadline: Deadline, isCancellable: Bool
    ) throws(CancellationError) -> Bool {
        if spin() { return true }
        var attempt = Attempt()
        while true {
            let outcome = Parking.block(
                on: WaitTarget("Lock.acquire", self), until: deadline,
                isCancellable: isCancellable,
                enrol: { self.enrol($0, &attempt) }, withdraw: self.withdraw)
            if let done = try finish(attempt, outcome) { return done }
        }
    }

    /// A short wait for a holder on another core. A fiber's holder is as likely on its own thread,
    /// which spinning would only delay.
    private func spin() -> Bool {
        guard processorCount > 1, Strand.current.kind == .thread else { return false }
        for _ in 0..<40 {
            if !current.isHeld && tryAcquireSlowly() { return true }
            if current.hasWaiters { return false }
            spinPause()
        }
        return false
    }
}
