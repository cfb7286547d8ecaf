public import PlaitParking
internal import PlaitPlatform
public import Synchronization

/// A mutual exclusion lock that its holder may take again. It needs as many releases as it had
/// acquisitions.
///
/// It belongs to a thread, a fiber or a task, and nobody else may release it. A child task is a
/// different task from its parent. A task that calls synchronous code holds the lock there too.
/// Order and hand-over between waiters are those of ``Lock``. Without contention it costs what a
/// ``Lock`` does and, for each step, a check of who runs. Taking it again costs no atomic exchange.
/// - Source: Python's `threading.RLock`.
public final class RLock: @unchecked Sendable {
    // Sendable: `lock` is; `level` is the holder's alone.
    /// Knows the holder. A strand writes its own key there only while it holds the lock, and clears
    /// it before it releases. So a strand that reads its own key holds the lock.
    @usableFromInline let lock: Lock
    /// How many times the holder has taken the lock.
    @exclusivity(unchecked) @usableFromInline var level = 0

    /// - Parameters:
    ///   - name: The name in reports of deadlocks.
    ///   - onDeadlock: What to do when a wait for this lock is a deadlock; nil for what
    ///     ``DeadlockDetection`` says.
    public init(
        name: String? = nil, onDeadlock: DeadlockDetection.Policy? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) {
        lock = Lock(
            ObjectLabel(name, file, line), type: "RLock", verb: "RLock.acquire",
            onDeadlock: onDeadlock)
    }

    /// Its name in reports, or where it was made.
    public var label: ObjectLabel { lock.label }

    /// The name in reports; nil for none.
    public var name: String? { lock.name }

    /// Whether anyone holds it at this moment.
    public var isLocked: Bool { lock.isLocked }

    /// Whether the calling strand or task holds it.
    @inlinable public var isHeld: Bool { isHeld(by: .current) }

    /// How many releases the calling strand or task owes; 0 if it does not hold the lock.
    public var depth: Int { isHeld ? unsafe level : 0 }

    // MARK: Acquiring

    /// Takes the lock if nobody else holds it. Never waits.
    @inlinable
    public func tryAcquire() -> Bool {
        let caller = StrandKey.current
        if isHeld(by: caller) {
            deepen()
        } else {
            guard lock.tryAcquire(as: caller) else { return false }
            unsafe level = 1
        }
        return true
    }

    /// Takes the lock. Waits while another holds it, but not if the caller does.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `CancellationError` when the strand is cancelled while it waits. The call has not
    ///   taken the lock then.
    /// - Source: Python's `RLock.acquire`.
    @available(*, noasync)
    @inlinable
    public func acquire() throws {
        let caller = StrandKey.current
        if isHeld(by: caller) {
            deepen()
        } else if lock.takeAtOnce() {
            lock.holderBits.store(caller.bits, ordering: .relaxed)
            unsafe level = 1
        } else {
            try acquireSlowly(as: caller)
        }
    }

    /// Takes the lock, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Whether it was taken.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> Bool {
        if tryAcquire() { return true }
        guard try lock.acquire(as: .current, until: Deadline(within: limit), isCancellable: true)
        else { return false }
        unsafe level = 1
        return true
    }

    /// Takes the lock for a caller that does not hold it. A function of its own, so that the fast
    /// path does not pay for an error's type.
    @available(*, noasync)
    @inline(never)
    @usableFromInline
    func acquireSlowly(as caller: StrandKey) throws {
        _ = try lock.acquire(as: caller, until: .never, isCancellable: true)
        unsafe level = 1
    }

    /// Takes the lock, suspending the calling task while another holds it.
    public func acquire() async throws {
        _ = try await acquire(within: nil)
    }

    /// Takes the lock, suspending the calling task at most for `limit`.
    public func acquire(within limit: Duration?) async throws -> Bool {
        if tryAcquire() { return true }
        guard try await lock.acquire(within: limit) else { return false }
        unsafe level = 1
        return true
    }

    // MARK: Releasing

    /// Gives back one acquisition; the last one lets a waiter have the lock.
    ///
    /// Traps if the calling strand does not hold the lock.
    /// - Source: Python's `RLock.release`.
    @inlinable
    public func release() { release(by: .current) }

    @inlinable
    func release(by caller: StrandKey) {
        if !isHeld(by: caller) { refuseRelease() }
        if unsafe level > 1 {
            unsafe level -= 1
        } else {
            lock.release()
        }
    }

    @usableFromInline
    func refuseRelease() -> Never {
        let holder = lock.isLocked ? "another holds" : "nobody holds"
        fatalError("plait: release of \(self), which \(holder), by \(nameOfCaller())")
    }

    // MARK: Holding

    /// Runs `body` holding the lock. Waiting for the lock is not cancellable: `body` runs.
    @available(*, noasync)
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let caller = StrandKey.current
        if isHeld(by: caller) {
            deepen()
        } else {
            if lock.takeAtOnce() {
                lock.holderBits.store(caller.bits, ordering: .relaxed)
            } else {
                lock.acquireUncancellably(as: caller)
            }
            unsafe level = 1
        }
        defer { release(by: caller) }
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
}

// MARK: Owning

extension RLock {
    @inlinable
    func isHeld(by key: StrandKey) -> Bool {
        lock.holderBits.load(ordering: .relaxed) == key.bits
    }

    @inlinable
    func deepen() { unsafe level += 1 }

    // MARK: For a Condition

    /// Gives back all acquisitions of the caller, which must hold the lock. Returns how many there
    /// were.
    func releaseFully() -> Int {
        demand(isHeld, "a full release of \(self) by \(nameOfCaller()), which does not hold it")
        let held = unsafe level
        lock.release()
        return held
    }

    /// Takes the lock `held` times again, whatever happens to the calling strand meanwhile.
    @available(*, noasync)
    func reacquire(_ held: Int) {
        lock.acquireUncancellably(as: .current)
        unsafe level = held
    }

    /// Takes the lock `held` times again, whatever happens to the calling task meanwhile.
    func reacquire(_ held: Int) async {
        await lock.acquireUncancellably()
        unsafe level = held
    }
}

extension RLock: CustomStringConvertible {
    /// The lock's state at this moment, the caller's depth if the caller holds it, and the lock's
    /// name or where it was made, such as `RLock(locked, depth 2, accounts)`.
    public var description: String {
        let depth = depth
        let held = depth > 0 ? ", depth \(depth)" : ""
        return "RLock(\(isLocked ? "locked" : "unlocked")\(held), \(label))"
    }
}
