// Written by scripts/faces from ManagedEvent.swift: change that, and run it again.

internal import PlaitProcesses
internal import PlaitSync

extension ManagedEvent {
    /// As ``set()``, suspending the calling task.
    public func set() async throws {
        _ = try await object.call(Store.Set())
    }

    /// As ``clear()``, suspending the calling task.
    public func clear() async throws {
        _ = try await object.call(Store.Clear())
    }

    /// As ``isSet()``, suspending the calling task.
    public func isSet() async throws -> Bool {
        try await object.call(Store.IsSet())
    }

    /// As ``wait(within:)``, suspending the calling task.
    @discardableResult
    public func wait(within limit: Duration? = nil) async throws -> Bool {
        try await object.call(Store.Wait(limit: limit))
    }
}
