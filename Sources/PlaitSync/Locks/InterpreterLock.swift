public import PlaitParking
internal import PlaitPlatform
public import Synchronization

/// A lock around an engine that is not thread-safe, such as an interpreter. The strand that runs
/// the engine holds the lock, checks often whether others want it, and releases it around calls
/// that block.
///
/// ```swift
/// try lock.acquire()
/// while let instruction = next() {
///     lock.check()                                  // others get their turn here
///     execute(instruction)                          // may call lock.allowThreads { read() }
/// }
/// lock.release()
/// ```
/// The lock protects the engine's own data. It does not protect a program that runs on the engine,
/// since others may get the lock at every check. The lock is not reentrant: taking it twice traps,
/// and so does releasing a lock that another strand holds. The ``policy`` says how waiters get the
/// lock from a holder that does not wait.
///
/// Strands of all kinds can take it. A fiber's hub measures the fiber's patience with its timers,
/// in steps of 66 µs.
/// - Source: CPython's global interpreter lock, `ceval_gil.h`.
public final class InterpreterLock: @unchecked Sendable {
    // Sendable: `guardLock` guards `state`, `ticksAreStale`, and every change of the atomics;
    // `ticksLeft` is the holder's; `waits` has a guard of its own.
    let guardLock = ShortLock()
    var state: InterpreterLockState<WaitQueue>
    let waits = InterpreterLockWaits()
    /// The word that `check()` reads; see ``Breaker``.
    @usableFromInline let breaker: Atomic<UInt32>
    /// How many checks are left until the holder offers the lock.
    @exclusivity(unchecked) @usableFromInline var ticksLeft: Int
    /// Whether the policy has changed since the holder last began to count.
    var ticksAreStale = false
    /// Nanoseconds until a waiter asks; `.max` if waiters do not ask. A strand reads it before its
    /// wait begins and again under the guard, so that it does not wait by a policy that has just
    /// changed.
    let patience: Atomic<UInt64>

    /// What a check must do.
    enum Breaker {
        static let nothing: UInt32 = 0
        static let count: UInt32 = 1
        static let lookCloser: UInt32 = 2
    }

    /// The name in reports; nil for none.
    public var name: String? { label.name }
    /// Its name in reports, or where it was made.
    public let label: ObjectLabel

    /// - Parameter name: The name in reports of deadlocks.
    public init(
        _ policy: InterpreterLockPolicy = .interval(), name: String? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) {
        InterpreterLock.validate(policy)
        label = ObjectLabel(name, file, line)
        state = InterpreterLockState(policy: policy)
        unsafe ticksLeft = policy.ticks ?? 0
        breaker = Atomic(policy.ticks == nil ? Breaker.nothing : Breaker.count)
        patience = Atomic(policy.patience ?? .max)
    }

    deinit {
        demand(state.waiters.isEmpty, "an InterpreterLock was freed while strands wait for it")
    }

    // MARK: Looking

    /// When the holder lets others have the lock. A change also applies to strands that wait
    /// already.
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

    /// Whether a strand holds the lock at this moment, or is about to because the lock was handed
    /// to it.
    public var isLocked: Bool { guardLock.withLock { state.isHeld } }

    /// How many strands want the lock and have to wait.
    public var waiterCount: Int { guardLock.withLock { state.seekers } }

    /// What has happened so far. Never blocks. Any strand may call it.
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

    /// Runs `body` holding the lock. Suspends the calling task while another holds it.
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

    /// Gives the lock back. If a strand has asked for the lock, that strand gets it. Otherwise a
    /// waiter wakes to take it, and a running strand may be quicker.
    ///
    /// Traps unless the calling strand holds it.
    /// - Source: CPython's `PyEval_ReleaseThread`.
    public func release() { release(by: .current) }

    /// Releases the lock, runs `body`, which may block, and takes the lock again, even if `body`
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

    /// Lets others have the lock if it is their turn, and takes it again. The holder calls it
    /// wherever it may be interrupted, for example between the bytecodes of an interpreter.
    ///
    /// Costs one relaxed load of a word that rarely changes, and with ticks a decrement. When
    /// others get the lock, the call blocks the calling thread or parks the calling fiber until it
    /// has the lock again. That wait is not cancellable.
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

    // .relaxed is enough: a request is seen sooner or later, and its details are read under the
    // guard.
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

    /// Does what the policy wants of the holder now. Returns true if the caller does not hold the
    /// lock any more.
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

extension InterpreterLock: LabelledObject {}
