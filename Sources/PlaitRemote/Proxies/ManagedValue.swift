internal import PlaitProcesses

/// A value in a ``Manager``.
/// - Source: Python's `SyncManager.Value`.
public struct ManagedValue<Value: Codable & Sendable>: Codable, Hashable, Sendable {
    let object: Managed<ValueStore<Value>>

    init(_ object: Managed<ValueStore<Value>>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

/// The value in its manager.
final class ValueStore<Value: Codable & Sendable>: ManagedType {
    typealias Store = ValueStore
    var value: Value

    init(_ value: Value) { self.value = value }
}

extension ValueStore {
    struct Get: ManagedCall {
        func run(on store: Store) throws -> Value {
            store.value
        }
    }

    struct Set: ManagedCall {
        let value: Value

        func run(on store: Store) throws -> Value {
            let old = store.value
            store.value = value
            return old
        }
    }

    struct Update<Change: ManagedUpdate>: ManagedCall where Change.Value == Value {
        let change: Change

        func run(on store: ValueStore) throws -> Value {
            var value = store.value
            try change.apply(to: &value)
            store.value = value
            return value
        }
    }
}

extension ManagedValue {
    typealias Store = ValueStore<Value>

    /// The value.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func get() throws -> Value {
        try object.call(Store.Get())
    }

    /// Sets the value, and returns the old one.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    @discardableResult
    public func set(_ value: Value) throws -> Value {
        try object.call(Store.Set(value: value))
    }

    /// Changes the value in one call, and returns the changed value.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``; errors of the change.
    @available(*, noasync)
    @discardableResult
    public func update<Change: ManagedUpdate>(by change: Change) throws -> Value
    where Change.Value == Value {
        try object.call(Store.Update(change: change))
    }
}
