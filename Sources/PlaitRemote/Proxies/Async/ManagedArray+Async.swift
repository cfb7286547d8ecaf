// Written by scripts/faces from ManagedArray.swift: change that, and run it again.

internal import PlaitProcesses

extension ManagedArray {
    /// As ``get(_:)``, suspending the calling task.
    public func get(_ index: Int) async throws -> Element {
        try await object.call(Store.Get(index: index))
    }

    /// As ``set(_:_:)``, suspending the calling task.
    public func set(_ index: Int, _ value: Element) async throws {
        _ = try await object.call(Store.Set(index: index, value: value))
    }

    /// As ``slice(from:to:)``, suspending the calling task.
    public func slice(from: Int? = nil, to: Int? = nil) async throws -> [Element] {
        try await object.call(Store.Part(from: from, to: to))
    }

    /// As ``set(from:_:)``, suspending the calling task.
    public func set(from index: Int, _ values: [Element]) async throws {
        _ = try await object.call(Store.SetPart(first: index, values: values))
    }

    /// As ``count()``, suspending the calling task.
    public func count() async throws -> Int {
        try await object.call(Store.Count())
    }

    /// As ``all()``, suspending the calling task.
    public func all() async throws -> [Element] { try await slice() }
}
