// Written by scripts/faces from ManagedCondition.swift: change that, and run it again.

internal import PlaitProcesses
internal import PlaitSync

extension ManagedCondition {
    /// As ``acquire()``, suspending the calling task.
    public func acquire() async throws {
        _ = try await object.call(Store.Acquire(limit: nil))
    }

    /// As ``acquire(within:)``, suspending the calling task.
    public func acquire(within limit: Duration?) async throws -> Bool {
        try await object.call(Store.Acquire(limit: limit))
    }

    /// As ``release()``, suspending the calling task.
    public func release() async throws {
        _ = try await object.call(Store.Release())
    }

    /// As ``wait(within:)``, suspending the calling task.
    @discardableResult
    public func wait(within limit: Duration? = nil) async throws -> Bool {
        try await object.call(Store.Wait(limit: limit))
    }

    /// As ``notify(_:)``, suspending the calling task.
    public func notify(_ count: Int = 1) async throws {
        _ = try await object.call(Store.Notify(count: count))
    }

    /// As ``notifyAll()``, suspending the calling task.
    public func notifyAll() async throws {
        _ = try await object.call(Store.Notify(count: nil))
    }

    /// As ``waiting()``, suspending the calling task.
    public func waiting() async throws -> Int {
        try await object.call(Store.Waiting())
    }

    /// As ``withLock(_:)``, suspending the calling task.
    public func withLock<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await acquire()
        let result: Result
        do {
            result = try await body()
        } catch {
            try? await release()
            throw error
        }
        try await release()
        return result
    }
}
