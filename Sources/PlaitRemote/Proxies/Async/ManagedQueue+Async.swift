// Written by scripts/faces from ManagedQueue.swift: change that, and run it again.

internal import PlaitProcesses
internal import PlaitSync

extension ManagedQueue {
    /// As ``put(_:)``, suspending the calling task.
    public func put(_ item: Element) async throws {
        _ = try await object.call(Store.Put(item: item, limit: nil))
    }

    /// As ``put(_:within:)``, suspending the calling task.
    public func put(_ item: Element, within limit: Duration?) async throws -> Bool {
        try await object.call(Store.Put(item: item, limit: limit))
    }

    /// As ``get(within:)``, suspending the calling task.
    public func get(within limit: Duration? = nil) async throws -> Element {
        try await object.call(Store.Get(limit: limit))
    }

    /// As ``tryPut(_:)``, suspending the calling task.
    @discardableResult
    public func tryPut(_ item: Element) async throws -> Bool {
        try await object.call(Store.Put(item: item, limit: .zero))
    }

    /// As ``tryGet()``, suspending the calling task.
    public func tryGet() async throws -> Element? {
        try await object.call(Store.TryGet())
    }

    /// As ``taskDone()``, suspending the calling task.
    public func taskDone() async throws {
        _ = try await object.call(Store.TaskDone())
    }

    /// As ``join(within:)``, suspending the calling task.
    @discardableResult
    public func join(within limit: Duration? = nil) async throws -> Bool {
        try await object.call(Store.Join(limit: limit))
    }

    /// As ``count()``, suspending the calling task.
    public func count() async throws -> Int {
        try await object.call(Store.Count())
    }

    /// As ``isFull()``, suspending the calling task.
    public func isFull() async throws -> Bool {
        try await object.call(Store.IsFull())
    }

    /// As ``shutDown(immediately:)``, suspending the calling task.
    public func shutDown(immediately: Bool = false) async throws {
        _ = try await object.call(Store.ShutDown(isImmediate: immediately))
    }
}
