internal import PlaitParking
internal import PlaitPlatform
public import Synchronization

/// The lock around an engine that is not thread-safe, such as an interpreter: whoever runs the
/// engine holds it, checks often whether others want it, and lets it go around whatever blocks.
///
/// ```swift
/// try lock.acquire()
/// while let instruction = next() {
///     lock.check()                                  // others get their turn here
///     execute(instruction)                          // may call lock.allowThreads { read() }
/// }
/// lock.release()
/// ```
/// The engine's own data are safe under it; a program that runs on the engine is not: it can be
/// interrupted at every check. Not reentrant: taking it twice traps, as does releasing what another
/// holds. How waiters get it from one who does not wait is the ``policy``.
///
/// Strands of all kinds take part. A fiber's patience is measured by its hub's timers, in steps of
/// 66 µs.
/// - Source: CPython's global interpreter lock, `ceval_gil.h`.
public final class InterpreterLock: @unchecked Sendable {
    // Sendable: `guardLock` guards `state`, `ticksAreStale`, and every change of the atomics;
    // `ticksLeft` is the holder's; `waits` has a guard of its own.
    let guardLock = ShortLock()
    var state: InterpreterLockState<WaitQueue>
    let waits = InterpreterLockWaits()
    /// What `check()` looks at; see ``Breaker``.
    @usableFromInline let breaker: Atomic<UInt32>
    /// Checks until the holder offers it.
    @exclusivity(unchecked) @usableFromInline var ticksLeft: Int
    /// The policy has changed since the holder last began to count.
    var ticksAreStale = false
    /// Nanoseconds until a waiter asks, `.max` where none does: read before a wait begins, and
    /// again under the guard, lest one waits by a policy that has just gone.
    let patience: Atomic<UInt64>

    /// What a check has to do.
    enum Breaker {
        static let nothing: UInt32 = 0
        static let count: UInt32 = 1
        static let lookCloser: UInt32 = 2
    }

    /// For reports; nil for none.
    public let name: String?

    /// - Parameter name: For reports of deadlocks.
    public init(_ policy: InterpreterLockPolicy = .interval(), name: String? = nil) {
        InterpreterLock.validate(policy)
        self.name = name
        state = InterpreterLockState(policy: policy)
        unsafe ticksLeft = policy.ticks ?? 0
        breaker = Atomic(policy.ticks == nil ? Breaker.nothing : Breaker.count)
        patience = Atomic(policy.patience ?? .max)
    }

    deinit {
        demand(state.waiters.isEmpty, "an InterpreterLock was freed while strands wait for it")
    }

    // MARK: Looking

    /// When the holder lets others have it. A change counts for those who wait already.
    public var policy: InterpreterLockPolicy {
        get { guardLock.withLock { state.policy } }
        set {
            InterpreterLock.validate(newValue)
            guardLock.lock()
            state.change(to: newValue)
            patience.store(newValue.patience ?? .max, ordering: .relaxed)
            ticksAreStale = true
            setBreaker()
            var roused = ClaimedWaiters()
            while let waiter = state.rouse() { roused.append(waiter) }
            guardLock.unlock()
            roused.unparkAll()
        }
    }

    /// Whether anyone holds it at this moment, or is on its way to it.
    public var isLocked: Bool { guardLock.withLock { state.isHeld } }

    /// Strands that want it and have to wait.
    public var waiterCount: Int { guardLock.withLock { state.seekers } }

    /// What has happened so far. Never blocks; may be called by any strand.
    public func statistics() -> InterpreterLockStatistics {
        var statistics = guardLock.withLock { state.statistics }
        statistics.waits = waits.all
        return statistics
    }

    // MARK: Acquiring

    /// Takes the lock if nobody holds it. Never waits.
    public func tryAcquire() -> Bool { tryTake(.current) }

    /// Takes the lock, waiting while another holds it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `CancellationError` when the strand is cancelled; the lock is not held then.
    /// - Source: CPython's `PyEval_AcquireThread`.
    @available(*, noasync)
    public func acquire() throws { _ = try acquire(within: nil) }

    /// Takes the lock, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Whether it is held now.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> Bool {
        let key = StrandKey.current
        if tryTake(key) { return true }
        return try seek(Seeker(key: key), until: Deadline(within: limit), isCancellable: true)
    }

    /// Takes the lock, suspending the calling task while another holds it.
    public func acquire() async throws { _ = try await acquire(within: nil) }

    /// Takes the lock, suspending the calling task at most for `limit`.
    public func acquire(within limit: Duration?) async throws -> Bool {
        let key = StrandKey.current
        if tryTake(key) { return true }
        return try await seek(
            Seeker(key: key), until: Deadline(within: limit), isCancellable: true)
    }

    /// Runs `body` holding the lock. Waiting for the lock is not cancellable: `body` runs.
    @available(*, noasync)
    public func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let key = StrandKey.current
        if !tryTake(key) { insist(Seeker(key: key)) }
        defer { release() }
        return try body()
    }

    /// Runs `body` holding the lock; the calling task is suspended while another holds it.
    /// - Throws: `CancellationError` when the task is cancelled while it waits, and what `body`
    ///   throws.
    public func withLock<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await acquire()
        defer { release() }
        return try await body()
    }

    /// As ``withLock(_:)``, with a body that does not suspend.
    public func withLock<Result>(_ body: () throws -> Result) async throws -> Result {
        try await acquire()
        defer { release() }
        return try body()
    }

    // MARK: Releasing

    /// Gives the lock up. The strand that has asked for it gets it; else a waiter is woken to take
    /// it, and a running strand may be quicker.
    ///
    /// Traps unless the calling strand holds it.
    /// - Source: CPython's `PyEval_ReleaseThread`.
    public func release() { release(by: .current) }

    /// Runs `body`, which blocks, without the lock, and takes the lock again whatever `body`
    /// throws. Taking it again is not cancellable.
    ///
    /// Blocks the calling thread or parks the calling fiber until it has the lock again.
    /// - Source: CPython's `Py_BEGIN_ALLOW_THREADS`.
    @available(*, noasync)
    public func allowThreads<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let key = StrandKey.current
        release(by: key)
        defer { takeBack(key) }
        return try body()
    }

    /// As ``allowThreads(_:)``, suspending the calling task until it has the lock again.
    public func allowThreads<Result, Failure: Error>(
        _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        let key = StrandKey.current
        release(by: key)
        let result: Result
        do throws(Failure) {
            result = try await body()
        } catch {
            await takeBack(key)
            throw error
        }
        await takeBack(key)
        return result
    }

    // MARK: Checking

    /// Lets others have the lock if it is their turn, and takes it again. To be called by the
    /// holder, as often as it can be interrupted: between the bytecodes of an interpreter.
    ///
    /// Costs one relaxed load of a word that is mostly unchanged, and with ticks a decrement. When
    /// others get the lock, it blocks the calling thread or parks the calling fiber until it has it
    /// again; that is not cancellable.
    /// - Source: CPython's `eval_breaker`.
    @available(*, noasync)
    @inlinable
    public func check() {
        if mustLookCloser() { checkClosely() }
    }

    /// As ``check()``, suspending the calling task until it has the lock again.
    @inlinable
    public func check() async {
        if mustLookCloser() { await checkClosely() }
    }

    // .relaxed: a request is seen some time; what it is about is read under the guard.
    @inlinable
    func mustLookCloser() -> Bool {
        let seen = breaker.load(ordering: .relaxed)
        if seen == 0 { return false }
        if seen == 1 {
            unsafe ticksLeft &-= 1
            return unsafe ticksLeft <= 0
        }
        return true
    }

    @usableFromInline
    func checkClosely() {
        let key = StrandKey.current
        if letOthers(key) { takeBack(key) }
    }

    @usableFromInline
    func checkClosely() async {
        let key = StrandKey.current
        if letOthers(key) { await takeBack(key) }
    }

    /// Does what the policy wants of the holder now. True if it has not got the lock any more.
    private func letOthers(_ key: StrandKey) -> Bool {
        guardLock.lock()
        demandHolder(key, "check of")
        var isReleased = false
        var effect = InterpreterLockState<WaitQueue>.Effect.none
        if let ticks = state.policy.ticks {
            if !ticksAreStale { (isReleased, effect) = state.offer() }
            unsafe ticksLeft = ticks
        } else {
            effect = state.honourRequest()
            if case .handOver = effect { isReleased = true }
        }
        ticksAreStale = false
        unlock(effect)
        return isReleased
    }
}
