// Written by scripts/faces from ManagedNamespace.swift: change that, and run it again.

internal import PlaitProcesses

extension ManagedNamespace {
    /// As ``get(_:as:)``, suspending the calling task.
    public func get<Value: Codable & Sendable>(_ name: String, as type: Value.Type = Value.self)
        async throws -> Value?
    {
        try await object.call(Store.Get<Value>(name: name))
    }

    /// As ``set(_:_:)``, suspending the calling task.
    public func set<Value: Codable & Sendable>(_ name: String, _ value: Value) async throws {
        _ = try await object.call(Store.Set(name: name, value: value))
    }

    /// As ``remove(_:)``, suspending the calling task.
    @discardableResult
    public func remove(_ name: String) async throws -> Bool {
        try await object.call(Store.Remove(name: name))
    }

    /// As ``names()``, suspending the calling task.
    public func names() async throws -> [String] {
        try await object.call(Store.Names())
    }
}
