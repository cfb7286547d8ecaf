internal import PlaitPlatform

/// The lock of a ``Condition``.
@usableFromInline
enum ConditionLock: Sendable {
    case plain(Lock)
    case recursive(RLock)

    /// Traps unless the lock is held. If the lock knows its holder, that must be the caller.
    func demandHeld(for verb: StaticString, of condition: Condition) {
        switch self {
        case .plain(let lock):
            demand(
                lock.isLocked, "\(verb) of \(condition), which nobody holds, by \(nameOfCaller())")
        case .recursive(let lock):
            demand(lock.isHeld, "\(verb) of \(condition), which \(nameOfCaller()) does not hold")
        }
    }

    /// Gives the lock back completely, and returns how often the caller held it.
    func releaseFully() -> Int {
        switch self {
        case .plain(let lock):
            lock.release()
            return 1
        case .recursive(let lock): return lock.releaseFully()
        }
    }

    /// Takes the lock back after ``releaseFully()``, whatever happens to the calling strand
    /// meanwhile.
    @available(*, noasync)
    func reacquire(_ held: Int) {
        switch self {
        case .plain(let lock): lock.acquireUncancellably()
        case .recursive(let lock): lock.reacquire(held)
        }
    }

    /// Takes the lock back after ``releaseFully()``, whatever happens to the calling task
    /// meanwhile.
    func reacquire(_ held: Int) async {
        switch self {
        case .plain(let lock): await lock.acquireUncancellably()
        case .recursive(let lock): await lock.reacquire(held)
        }
    }
}

extension ConditionLock: CustomStringConvertible {
    @usableFromInline var description: String {
        switch self {
        case .plain(let lock): lock.description
        case .recursive(let lock): lock.description
        }
    }
}

// Verbs that a Condition forwards to its lock.
extension Condition {
    /// Takes the condition's lock if nobody else holds it. Never waits.
    @inlinable
    public func tryAcquire() -> Bool {
        switch lock {
        case .plain(let lock): lock.tryAcquire()
        case .recursive(let lock): lock.tryAcquire()
        }
    }

    /// Takes the condition's lock, as the lock's own `acquire()` does.
    @available(*, noasync)
    @inlinable
    public func acquire() throws {
        switch lock {
        case .plain(let lock): try lock.acquire()
        case .recursive(let lock): try lock.acquire()
        }
    }

    /// Takes the condition's lock, waiting at most `limit`; `.zero` tries once, `nil` waits for
    /// ever.
    /// - Returns: Whether it was taken.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> Bool {
        switch lock {
        case .plain(let lock): try lock.acquire(within: limit)
        case .recursive(let lock): try lock.acquire(within: limit)
        }
    }

    /// Takes the condition's lock, suspending the calling task while another holds it.
    public func acquire() async throws {
        _ = try await acquire(within: nil)
    }

    /// Takes the condition's lock, suspending the calling task at most for `limit`.
    public func acquire(within limit: Duration?) async throws -> Bool {
        switch lock {
        case .plain(let lock): try await lock.acquire(within: limit)
        case .recursive(let lock): try await lock.acquire(within: limit)
        }
    }

    /// Gives the condition's lock back. Traps as the lock's own `release()` does.
    @inlinable
    public func release() {
        switch lock {
        case .plain(let lock): lock.release()
        case .recursive(let lock): lock.release()
        }
    }

    /// Runs `body` holding the lock. Waiting for the lock is not cancellable: `body` runs.
    @available(*, noasync)
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch lock {
        case .plain(let lock): try lock.withLock(body)
        case .recursive(let lock): try lock.withLock(body)
        }
    }

    /// Runs `body` holding the lock. Suspends the calling task while another holds it.
    /// - Throws: `CancellationError` when the task is cancelled while it waits for the lock, and
    ///   what `body` throws.
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
