// Written by scripts/faces from ManagedDictionary.swift: change that, and run it again.

public import PlaitProcesses
public import PlaitStrands

extension ManagedDictionary {
    /// As ``get(_:)``, suspending the calling task.
    public func get(_ key: Key) async throws -> Value? {
        try await object.call(Store.Get(key: key))
    }

    /// As ``set(_:_:)``, suspending the calling task.
    public func set(_ key: Key, _ value: Value) async throws {
        _ = try await object.call(Store.Set(key: key, value: value))
    }

    /// As ``setIfAbsent(_:_:)``, suspending the calling task.
    @discardableResult
    public func setIfAbsent(_ key: Key, _ value: Value) async throws -> Value {
        try await object.call(Store.SetIfAbsent(key: key, value: value))
    }

    /// As ``update(_:default:by:)``, suspending the calling task.
    @discardableResult
    public func update<Change: ManagedUpdate>(
        _ key: Key, default first: Value? = nil, by change: Change
    ) async throws -> Value? where Change.Value == Value {
        try await object.call(Store.Update(key: key, first: first, change: change))
    }

    /// As ``removeValue(for:)``, suspending the calling task.
    @discardableResult
    public func removeValue(for key: Key) async throws -> Value? {
        try await object.call(Store.Remove(key: key))
    }

    /// As ``popAny()``, suspending the calling task.
    public func popAny() async throws -> (key: Key, value: Value)? {
        try await object.call(Store.PopAny()).map { ($0.key, $0.value) }
    }

    /// As ``removeAll()``, suspending the calling task.
    public func removeAll() async throws {
        _ = try await object.call(Store.RemoveAll())
    }

    /// As ``merge(_:)``, suspending the calling task.
    public func merge(_ others: [Key: Value]) async throws {
        _ = try await object.call(Store.Merge(others: others))
    }

    /// As ``keys()``, suspending the calling task.
    public func keys() async throws -> [Key] {
        try await object.call(Store.Keys())
    }

    /// As ``values()``, suspending the calling task.
    public func values() async throws -> [Value] {
        try await object.call(Store.Values())
    }

    /// As ``all()``, suspending the calling task.
    public func all() async throws -> [Key: Value] {
        try await object.call(Store.All())
    }

    /// As ``count()``, suspending the calling task.
    public func count() async throws -> Int {
        try await object.call(Store.Count())
    }

    /// As ``contains(_:)``, suspending the calling task.
    public func contains(_ key: Key) async throws -> Bool {
        try await object.call(Store.Contains(key: key))
    }

    /// As ``submitGet(_:)``, suspending the calling task.
    public func submitGet(_ key: Key) async throws -> Future<Value?> {
        try await object.submit(Store.Get(key: key))
    }

    /// As ``submitSet(_:_:)``, suspending the calling task.
    public func submitSet(_ key: Key, _ value: Value) async throws -> Future<Nothing> {
        try await object.submit(Store.Set(key: key, value: value))
    }
}
