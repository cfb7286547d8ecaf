// Written by scripts/faces from ManagedSet.swift: change that, and run it again.

internal import PlaitProcesses

extension ManagedSet {
    /// As ``insert(_:)``, suspending the calling task.
    @discardableResult
    public func insert(_ value: Element) async throws -> Bool {
        try await object.call(Store.Insert(value: value))
    }

    /// As ``remove(_:)``, suspending the calling task.
    @discardableResult
    public func remove(_ value: Element) async throws -> Bool {
        try await object.call(Store.Remove(value: value))
    }

    /// As ``popAny()``, suspending the calling task.
    public func popAny() async throws -> Element? {
        try await object.call(Store.PopAny())
    }

    /// As ``formUnion(_:)``, suspending the calling task.
    public func formUnion(_ others: Set<Element>) async throws {
        _ = try await object.call(Store.Union(others: others))
    }

    /// As ``formIntersection(_:)``, suspending the calling task.
    public func formIntersection(_ others: Set<Element>) async throws {
        _ = try await object.call(Store.Intersection(others: others))
    }

    /// As ``subtract(_:)``, suspending the calling task.
    public func subtract(_ others: Set<Element>) async throws {
        _ = try await object.call(Store.Subtract(others: others))
    }

    /// As ``all()``, suspending the calling task.
    public func all() async throws -> Set<Element> {
        try await object.call(Store.All())
    }

    /// As ``count()``, suspending the calling task.
    public func count() async throws -> Int {
        try await object.call(Store.Count())
    }

    /// As ``contains(_:)``, suspending the calling task.
    public func contains(_ value: Element) async throws -> Bool {
        try await object.call(Store.Contains(value: value))
    }
}
