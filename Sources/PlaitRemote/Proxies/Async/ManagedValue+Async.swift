// Written by scripts/faces from ManagedValue.swift: change that, and run it again.

internal import PlaitProcesses

extension ManagedValue {
    /// As ``get()``, suspending the calling task.
    public func get() async throws -> Value {
        try await object.call(Store.Get())
    }

    /// As ``set(_:)``, suspending the calling task.
    @discardableResult
    public func set(_ value: Value) async throws -> Value {
        try await object.call(Store.Set(value: value))
    }

    /// As ``update(by:)``, suspending the calling task.
    @discardableResult
    public func update<Change: ManagedUpdate>(by change: Change) async throws -> Value
    where Change.Value == Value {
        try await object.call(Store.Update(change: change))
    }
}
