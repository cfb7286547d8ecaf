public import PlaitParking
internal import PlaitPlatform
public import Synchronization

/// A mutual exclusion lock for threads, fibers and tasks.
///
/// The lock is not reentrant. As in Python, any strand may release it. A running strand may take it
/// before a queued one, which is fast; but a waiter older than 1 ms gets the lock handed over, so
/// that none starves. Without contention it costs one atomic operation to take and one to release,
/// and no system call.
///
/// - Source: Python's `threading.Lock`; the hand-over works as in WebKit and parking_lot.
public final class Lock: @unchecked Sendable {
    // Sendable: `word` and `holderBits` are atomic; `guardLock` guards `state`, and every change of
    // `word` that sets or clears its waiters bit.
    @usableFromInline let word: Atomic<UInt32>
    /// The holder, a ``StrandKey``, for the search for deadlocks. Set after the lock is taken and
    /// cleared before it is given back, so that it never names a strand that has given it back.
    @usableFromInline let holderBits = Atomic<UInt64>(0)
    private let guardLock = ShortLock()
    private var state = LockState<WaitQueue>()
    /// The name in reports; nil for none.
    public var name: String? { label.name }
    /// Its name in reports, or where it was made.
    public let label: ObjectLabel
    /// The type of which the lock is part, for reports and for the name of its waits.
    let type: StaticString
    private let verb: StaticString

    let onDeadlock: DeadlockDetection.Policy?

    /// - Parameters:
    ///   - name: The name in reports of deadlocks.
    ///   - onDeadlock: What to do when a wait for this lock is a deadlock; nil for what
    ///     ``DeadlockDetection`` says. Give `.off` if the lock is a signal that one strand takes
    ///     and another releases: a strand that waits for it does not wait for its holder.
    public convenience init(
        name: String? = nil, onDeadlock: DeadlockDetection.Policy? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) {
        self.init(
            ObjectLabel(name, file, line), type: "Lock", verb: "Lock.acquire",
            onDeadlock: onDeadlock)
    }

    init(
        _ label: ObjectLabel, type: StaticString, verb: StaticString,
        onDeadlock: DeadlockDetection.Policy?
    ) {
        self.label = label
        self.type = type
        self.verb = verb
        self.onDeadlock = onDeadlock
        word = Atomic(DeadlockDetection.tracesNewLocks ? LockWord.traced.bits : 0)
    }

    deinit {
        demand(state.waiters.isEmpty, "\(title) was freed while strands wait for it")
        if isTraced { LockOrder.shared.forget(ObjectIdentifier(self)) }
    }

    /// Whether anyone holds it at this moment.
    public var isLocked: Bool { current.isHeld }

    private var current: LockWord { LockWord(bits: word.load(ordering: .relaxed)) }

    // MARK: Acquiring

    /// Takes the lock if nobody holds it. Never waits.
    public func tryAcquire() -> Bool { tryAcquire(as: .current) }

    @usableFromInline
    func tryAcquire(as key: StrandKey) -> Bool {
        guard takeAtOnce() || tryAcquireSlowly() else { return false }
        noteHolder(key)
        return true
    }

    /// Takes a free lock whose word has no other bits set.
    @inlinable
    @inline(__always)
    func takeAtOnce() -> Bool {
        // .acquiring pairs with the .releasing exchange in release().
        word.compareExchange(
            expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged
    }

    /// Takes the lock, waiting while another holds it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `CancellationError` when the strand is cancelled, and ``DeadlockError`` if
    ///   ``DeadlockDetection/policy-swift.type.property`` says so; the lock is not held then.
    /// - Source: Python's `Lock.acquire`.
    @available(*, noasync)
    @inlinable
    public func acquire() throws {
        if takeAtOnce() {
            noteRunningStrand()
        } else {
            try acquireSlowly()
        }
    }

    /// Takes the lock, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Whether it is held now.
    /// - Throws: `CancellationError` when the strand is cancelled; the lock is not held then.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> Bool {
        let key = StrandKey.ofStrand
        return try tryAcquire(as: key)
            || acquire(as: key, until: Deadline(within: limit), isCancellable: true)
    }

    /// Takes the lock, suspending the calling task while another holds it.
    public func acquire() async throws {
        _ = try await acquire(within: nil)
    }

    /// Takes the lock, suspending the calling task at most for `limit`.
    public func acquire(within limit: Duration?) async throws -> Bool {
        let key = StrandKey.current
        if tryAcquire(as: key) { return true }
        return try await acquire(as: key, until: Deadline(within: limit), isCancellable: true)
    }

    /// Takes the lock, suspending the calling task, whatever happens to the task.
    func acquireUncancellably() async {
        let key = StrandKey.current
        if tryAcquire(as: key) { return }
        do {
            _ = try await acquire(as: key, until: .never, isCancellable: false)
        } catch {
            fatalError("plait: \(error)")
        }
    }

    /// Runs `body` holding the lock. Waiting for the lock is not cancellable: `body` runs. Only
    /// `body` can throw here, so a deadlock traps if the policy is to throw.
    @available(*, noasync)
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if takeAtOnce() { noteRunningStrand() } else { acquireUncancellably() }
        defer { release() }
        return try body()
    }

    /// Runs `body` holding the lock. Suspends the calling task while another holds it.
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
        holderBits.store(0, ordering: .relaxed)
        // .releasing pairs with the .acquiring of the strand that takes the lock next.
        let (done, seen) = word.compareExchange(
            expected: 1, desired: 0, successOrdering: .releasing, failureOrdering: .relaxed)
        if !done { releaseSlowly(seen) }
    }

    @usableFromInline
    func releaseSlowly(_ seen: UInt32) {
        if LockWord(bits: seen).isTraced { LockOrder.shared.released(self) }
        guardLock.lock()
        // Check under the guard, since two strands that both release the lock may both have seen it
        // held.
        demand(
            LockWord(bits: seen).isHeld && current.isHeld,
            "release of \(title), which is not held, by \(nameOfCaller())")
        let (waiter, next) = state.release(current) {
            LockWord.mustHandOver(since: $0.since, now: monotonicNow())
        }
        word.store(next.bits, ordering: .releasing)
        guardLock.unlock()
        waiter?.unpark()
    }

    // MARK: Waiting

    private func enrol(_ waiter: Waiter, _ attempt: inout LockAttempt) -> Bool {
        guardLock.lock()
        defer { guardLock.unlock() }
        var seen = current
        while !change(seen, to: seen.entered) { seen = current }
        if !seen.isHeld {
            attempt.isTaken = true
            return false
        }
        if let since = attempt.since {
            // The waiter was woken but overtaken, and keeps its age.
            waiter.since = since
            state.queueAgain(waiter) { $0.since > since }
        } else {
            waiter.since = monotonicNow()
            attempt.since = waiter.since
            state.queue(waiter)
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
            if state.withdraw(waiter) { clearWaiters() }
        }
    }

    /// Called under the guard.
    private func clearWaiters() { word.bitwiseAnd(~LockWord.waitersBit, ordering: .relaxed) }

    /// Whether an attempt has the lock after a wait; nil if it must try again.
    private func finish(
        _ attempt: LockAttempt, _ outcome: WaitOutcome, _ key: StrandKey
    ) throws(CancellationError) -> Bool? {
        switch attempt.verdict(outcome) {
        case .held:
            noteHolder(key)
            return true
        case .again: return nil
        case .gaveUp(let mustPassOn):
            if mustPassOn { passOn() }
            return try outcome.wasWoken()
        }
    }

    private func passOn() {
        guardLock.lock()
        let (waiter, clearsWaiters) = state.passOn(current)
        if clearsWaiters { clearWaiters() }
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
    func acquireUncancellably() { acquireUncancellably(as: .ofStrand) }

    /// Takes the lock, whatever happens to the calling strand.
    @usableFromInline
    func acquireUncancellably(as key: StrandKey) {
        if tryAcquire(as: key) { return }
        do {
            _ = try acquire(as: key, until: .never, isCancellable: false)
        } catch {
            fatalError("plait: \(error)")
        }
    }

    @usableFromInline
    func acquireSlowly() throws {
        _ = try acquire(as: .ofStrand, until: .never, isCancellable: true)
    }

    func acquire(
        as key: StrandKey, until deadline: Deadline, isCancellable: Bool
    ) throws -> Bool {
        // A caller that tries once does not wait.
        if deadline != .immediate && spin() {
            noteHolder(key)
            return true
        }
        let watch = try LockWatch.begin(self, key, until: deadline)
        defer { watch?.end() }
        var attempt = LockAttempt()
        while true {
            let outcome = Parking.block(
                on: WaitTarget(verb, self), until: deadline,
                isCancellable: isCancellable,
                enrol: { self.enrol($0, &attempt) }, withdraw: self.withdraw)
            if let done = try finish(attempt, outcome, key) { return done }
        }
    }

    private func acquire(
        as key: StrandKey, until deadline: Deadline, isCancellable: Bool
    ) async throws -> Bool {
        let watch = try LockWatch.begin(self, key, until: deadline)
        defer { watch?.end() }
        var attempt = LockAttempt()
        while true {
            let outcome = await Parking.suspend(
                on: WaitTarget(verb, self), until: deadline,
                isCancellable: isCancellable,
                enrol: { self.enrol($0, &attempt) }, withdraw: self.withdraw)
            if let done = try finish(attempt, outcome, key) { return done }
        }
    }

    // MARK: Holders

    /// Notes the holder. A lock that a sync call inside a task takes belongs to the thread.
    @inlinable
    @inline(__always)
    func noteRunningStrand() {
        holderBits.store(StrandKey.ofStrand.bits, ordering: .relaxed)
    }

    private func noteHolder(_ key: StrandKey) {
        holderBits.store(key.bits, ordering: .relaxed)
        if isTraced { LockOrder.shared.acquired(self, key) }
    }

    private var isTraced: Bool { current.isTraced }

    /// Waits shortly for a holder on another core. A fiber does not spin, since the holder may be
    /// on the fiber's own thread, which spinning would delay.
    private func spin() -> Bool {
        SpinPolicy.lock.spin {
            if !current.isHeld && tryAcquireSlowly() { return .ready }
            return current.hasWaiters ? .hopeless : .notYet
        }
    }
}
