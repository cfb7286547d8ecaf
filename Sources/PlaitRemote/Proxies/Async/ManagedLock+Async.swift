// Written by scripts/faces from ManagedLock.swift: change that, and run it again.

public import PlaitProcesses

extension ManagedMutex {
    /// As ``tryAcquire()``, suspending the calling task.
    public func tryAcquire() async throws -> Acquisition? {
        try await object.call(Store.TryAcquire())
    }

    /// As ``acquire()``, suspending the calling task.
    @discardableResult
    public func acquire() async throws -> Acquisition {
        try await object.call(Store.Acquire())
    }

    /// As ``acquire(within:)``, suspending the calling task.
    public func acquire(within limit: Duration?) async throws -> Acquisition? {
        try await object.call(Store.AcquireWithin(limit: limit))
    }

    /// As ``release()``, suspending the calling task.
    public func release() async throws {
        _ = try await object.call(Store.Release())
    }

    /// As ``withLock(_:)``, suspending the calling task.
    public func withLock<Result>(_ body: (Acquisition) async throws -> Result) async throws
        -> Result
    {
        let acquisition = try await acquire()
        let result: Result
        do {
            result = try await body(acquisition)
        } catch {
            try? await release()
            throw error
        }
        try await release()
        return result
    }
}
