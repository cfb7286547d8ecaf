internal import PlaitParking
internal import PlaitPlatform

extension ReadWriteLock {
    /// Runs `body` holding the lock for reading. Waiting for it is not cancellable: `body` runs.
    @available(*, noasync)
    public func withReadLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let key = StrandKey.current
        if !tryRead(key) {
            insist { _ = try blockReader(key, until: .never, isCancellable: false) }
        }
        defer { releaseRead() }
        return try body()
    }

    /// Runs `body` holding the lock for reading. The calling task is suspended while it waits for
    /// the lock.
    /// - Throws: `CancellationError` when the task is cancelled while it waits, and what `body`
    ///   throws.
    public func withReadLock<Result>(
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await acquireRead()
        defer { releaseRead() }
        return try await body()
    }

    /// As ``withReadLock(_:)``, with a body that does not suspend.
    public func withReadLock<Result>(
        _ body: () throws -> Result
    ) async throws -> Result {
        try await acquireRead()
        defer { releaseRead() }
        return try body()
    }

    /// Runs `body` holding the lock for writing. Waiting for it is not cancellable: `body` runs.
    @available(*, noasync)
    public func withWriteLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let key = StrandKey.current
        if !tryWrite(key) {
            insist { _ = try blockWriter(key, until: .never, isCancellable: false) }
        }
        defer { releaseWrite() }
        return try body()
    }

    /// Runs `body` holding the lock for writing. The calling task is suspended while it waits for
    /// the lock.
    /// - Throws: `CancellationError` when the task is cancelled while it waits, and what `body`
    ///   throws.
    public func withWriteLock<Result>(
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await acquireWrite()
        defer { releaseWrite() }
        return try await body()
    }

    /// As ``withWriteLock(_:)``, with a body that does not suspend.
    public func withWriteLock<Result>(
        _ body: () throws -> Result
    ) async throws -> Result {
        try await acquireWrite()
        defer { releaseWrite() }
        return try body()
    }

    /// Traps on a deadlock that the policy would throw, since only the caller's body may throw
    /// here.
    private func insist(_ acquire: () throws -> Void) {
        do { try acquire() } catch { fatalError("plait: \(error)") }
    }
}
