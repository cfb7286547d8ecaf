// Written by scripts/faces from ManagedList.swift: change that, and run it again.

internal import PlaitProcesses

extension ManagedList {
    /// As ``get(_:)``, suspending the calling task.
    public func get(_ index: Int) async throws -> Element {
        try await object.call(Store.Get(index: index))
    }

    /// As ``set(_:_:)``, suspending the calling task.
    public func set(_ index: Int, _ value: Element) async throws {
        _ = try await object.call(Store.Set(index: index, value: value))
    }

    /// As ``update(_:by:)``, suspending the calling task.
    @discardableResult
    public func update<Change: ManagedUpdate>(_ index: Int, by change: Change) async throws
        -> Element where Change.Value == Element
    {
        try await object.call(Store.Update(index: index, change: change))
    }

    /// As ``slice(from:to:)``, suspending the calling task.
    public func slice(from: Int? = nil, to: Int? = nil) async throws -> [Element] {
        try await object.call(Store.Part(from: from, to: to))
    }

    /// As ``replaceSlice(from:to:with:)``, suspending the calling task.
    public func replaceSlice(from: Int? = nil, to: Int? = nil, with others: [Element]) async throws
    {
        _ = try await object.call(Store.ReplacePart(from: from, to: to, others: others))
    }

    /// As ``append(_:)``, suspending the calling task.
    public func append(_ value: Element) async throws {
        _ = try await object.call(Store.Append(values: [value]))
    }

    /// As ``append(contentsOf:)``, suspending the calling task.
    public func append(contentsOf values: [Element]) async throws {
        _ = try await object.call(Store.Append(values: values))
    }

    /// As ``insert(_:at:)``, suspending the calling task.
    public func insert(_ value: Element, at index: Int) async throws {
        _ = try await object.call(Store.Insert(index: index, value: value))
    }

    /// As ``remove(at:)``, suspending the calling task.
    @discardableResult
    public func remove(at index: Int) async throws -> Element {
        try await object.call(Store.Remove(index: index))
    }

    /// As ``removeAll()``, suspending the calling task.
    public func removeAll() async throws {
        _ = try await object.call(Store.RemoveAll())
    }

    /// As ```repeat`(times:)``, suspending the calling task.
    public func `repeat`(times: Int) async throws {
        _ = try await object.call(Store.Repeat(times: times))
    }

    /// As ``reverse()``, suspending the calling task.
    public func reverse() async throws {
        _ = try await object.call(Store.Reverse())
    }

    /// As ``count()``, suspending the calling task.
    public func count() async throws -> Int {
        try await object.call(Store.Count())
    }

    /// As ``all()``, suspending the calling task.
    public func all() async throws -> [Element] { try await slice() }
}

extension ManagedList where Element: Comparable {
    /// As ``sort()``, suspending the calling task.
    public func sort() async throws {
        _ = try await object.call(Store.Sort())
    }
}

extension ManagedList where Element: Equatable {
    /// As ``firstIndex(of:)``, suspending the calling task.
    public func firstIndex(of value: Element) async throws -> Int? {
        try await object.call(Store.Find(value: value))
    }
}
