// Written by scripts/faces from ManagedSemaphore.swift: change that, and run it again.

internal import PlaitProcesses
internal import PlaitSync

extension ManagedSemaphore {
    /// As ``tryAcquire()``, suspending the calling task.
    public func tryAcquire() async throws -> Bool {
        try await object.call(Store.TryAcquire())
    }

    /// As ``acquire()``, suspending the calling task.
    public func acquire() async throws {
        _ = try await object.call(Store.Acquire(limit: nil))
    }

    /// As ``acquire(within:)``, suspending the calling task.
    public func acquire(within limit: Duration?) async throws -> Bool {
        try await object.call(Store.Acquire(limit: limit))
    }

    /// As ``release(_:)``, suspending the calling task.
    public func release(_ count: Int = 1) async throws {
        _ = try await object.call(Store.Release(count: count))
    }

    /// As ``permits()``, suspending the calling task.
    public func permits() async throws -> Int {
        try await object.call(Store.Permits())
    }
}
