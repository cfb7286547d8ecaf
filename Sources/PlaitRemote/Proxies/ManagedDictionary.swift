public import PlaitProcesses
public import PlaitStrands

/// A dictionary in a ``Manager``.
///
/// For a change that depends on the old value use one call: ``update(_:default:by:)`` with a
/// ``ManagedUpdate`` of your own, or ``merge(_:)``. A get and a set are two calls, and others may
/// come between them.
/// - Source: Python's `SyncManager.dict`.
public struct ManagedDictionary<Key: Codable & Hashable & Sendable, Value: Codable & Sendable>:
    Codable, Hashable, Sendable
{
    let object: Managed<DictionaryStore<Key, Value>>

    init(_ object: Managed<DictionaryStore<Key, Value>>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

/// The dictionary in its manager.
final class DictionaryStore<Key: Codable & Hashable & Sendable, Value: Codable & Sendable>:
    ManagedType
{
    typealias Store = DictionaryStore
    var items: [Key: Value]

    init(_ items: [Key: Value]) { self.items = items }
}

extension DictionaryStore {
    struct Get: ManagedCall {
        let key: Key

        func run(on store: Store) throws -> Value? {
            store.items[key]
        }
    }

    struct Set: ManagedCall {
        let key: Key
        let value: Value

        func run(on store: Store) throws -> Nothing {
            store.items[key] = value
            return Nothing()
        }
    }

    struct SetIfAbsent: ManagedCall {
        let key: Key
        let value: Value

        func run(on store: Store) throws -> Value {
            if let old = store.items[key] { return old }
            store.items[key] = value
            return value
        }
    }

    struct Remove: ManagedCall {
        let key: Key

        func run(on store: Store) throws -> Value? {
            store.items.removeValue(forKey: key)
        }
    }

    struct PopAny: ManagedCall {
        func run(on store: Store) throws -> Pair? {
            store.items.popFirst().map { Pair(key: $0.key, value: $0.value) }
        }
    }

    struct RemoveAll: ManagedCall {
        func run(on store: Store) throws -> Nothing {
            store.items = [:]
            return Nothing()
        }
    }

    struct Merge: ManagedCall {
        let others: [Key: Value]

        func run(on store: Store) throws -> Nothing {
            store.items.merge(others) { $1 }
            return Nothing()
        }
    }

    struct Keys: ManagedCall {
        func run(on store: Store) throws -> [Key] {
            Array(store.items.keys)
        }
    }

    struct Some: ManagedCall {
        let keys: [Key]

        func run(on store: Store) throws -> [Pair] {
            keys.compactMap { key in store.items[key].map { Pair(key: key, value: $0) } }
        }
    }

    struct Values: ManagedCall {
        func run(on store: Store) throws -> [Value] {
            Array(store.items.values)
        }
    }

    struct All: ManagedCall {
        func run(on store: Store) throws -> [Key: Value] {
            store.items
        }
    }

    struct Count: ManagedCall {
        func run(on store: Store) throws -> Int {
            store.items.count
        }
    }

    struct Contains: ManagedCall {
        let key: Key

        func run(on store: Store) throws -> Bool {
            store.items[key] != nil
        }
    }

    struct Pair: Codable, Sendable {
        let key: Key
        let value: Value
    }

    struct Update<Change: ManagedUpdate>: ManagedCall where Change.Value == Value {
        let key: Key
        let first: Value?
        let change: Change

        func run(on store: DictionaryStore) throws -> Value? {
            guard var value = store.items[key] ?? first else { return nil }
            try change.apply(to: &value)
            store.items[key] = value
            return value
        }
    }
}

// The most frequent calls encode only their values, without names.
extension DictionaryStore.Get {
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(key)
    }

    init(from decoder: any Decoder) throws {
        key = try decoder.singleValueContainer().decode(Key.self)
    }
}

extension DictionaryStore.Set {
    func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        try container.encode(key)
        try container.encode(value)
    }

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        key = try container.decode(Key.self)
        value = try container.decode(Value.self)
    }
}

/// A change of a value in a manager that depends on the old value. It runs in the manager, so that
/// no other call comes between.
///
/// ```swift
/// struct Adding: ManagedUpdate {
///     var amount: Int
///     func apply(to value: inout Int) { value += amount }
/// }
/// try withManager { manager in
///     let counts: ManagedDictionary<String, Int> = try manager.dictionary()
///     try counts.update("a", default: 0, by: Adding(amount: 2))
/// }
/// ```
public protocol ManagedUpdate: Codable & Sendable {
    associatedtype Value: Codable & Sendable
    /// Runs in the manager. If it throws, the value stays.
    func apply(to value: inout Value) throws
}

extension ManagedDictionary {
    typealias Store = DictionaryStore<Key, Value>

    /// The value of a key; nil if there is none.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func get(_ key: Key) throws -> Value? {
        try object.call(Store.Get(key: key))
    }

    /// Sets the value of a key.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func set(_ key: Key, _ value: Value) throws {
        _ = try object.call(Store.Set(key: key, value: value))
    }

    /// Sets the value of a key that has none. Returns the value that the key has then.
    ///
    /// - Source: Python's `dict.setdefault`.
    @available(*, noasync)
    @discardableResult
    public func setIfAbsent(_ key: Key, _ value: Value) throws -> Value {
        try object.call(Store.SetIfAbsent(key: key, value: value))
    }

    /// Changes the value of a key. Returns the changed value, or nil if there is no value to
    /// change.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``; errors of the change.
    @available(*, noasync)
    @discardableResult
    public func update<Change: ManagedUpdate>(
        _ key: Key, default first: Value? = nil, by change: Change
    ) throws -> Value? where Change.Value == Value {
        try object.call(Store.Update(key: key, first: first, change: change))
    }

    /// Removes a key, and returns the value that it had.
    ///
    /// - Source: Python's `dict.pop`.
    @available(*, noasync)
    @discardableResult
    public func removeValue(for key: Key) throws -> Value? {
        try object.call(Store.Remove(key: key))
    }

    /// Removes any one item and returns it; nil if there is none.
    ///
    /// - Source: Python's `dict.popitem`.
    @available(*, noasync)
    public func popAny() throws -> (key: Key, value: Value)? {
        try object.call(Store.PopAny()).map { ($0.key, $0.value) }
    }

    /// Removes all items.
    @available(*, noasync)
    public func removeAll() throws {
        _ = try object.call(Store.RemoveAll())
    }

    /// Adds items. They replace the values of keys that are there already.
    ///
    /// - Source: Python's `dict.update`.
    @available(*, noasync)
    public func merge(_ others: [Key: Value]) throws {
        _ = try object.call(Store.Merge(others: others))
    }

    /// The keys, in no order.
    @available(*, noasync)
    public func keys() throws -> [Key] {
        try object.call(Store.Keys())
    }

    /// The values, in no order.
    @available(*, noasync)
    public func values() throws -> [Value] {
        try object.call(Store.Values())
    }

    /// A copy of the whole dictionary.
    ///
    /// - Source: Python's `dict.copy`, `items`.
    @available(*, noasync)
    public func all() throws -> [Key: Value] {
        try object.call(Store.All())
    }

    /// How many items it has.
    @available(*, noasync)
    public func count() throws -> Int {
        try object.call(Store.Count())
    }

    /// Whether a key has a value.
    @available(*, noasync)
    public func contains(_ key: Key) throws -> Bool {
        try object.call(Store.Contains(key: key))
    }

    /// Gets a value without waiting for it; see ``Managed/submit(_:)``.
    @available(*, noasync)
    public func submitGet(_ key: Key) throws -> Future<Value?> {
        try object.submit(Store.Get(key: key))
    }

    /// Sets a value without waiting for that.
    @available(*, noasync)
    public func submitSet(_ key: Key, _ value: Value) throws -> Future<Nothing> {
        try object.submit(Store.Set(key: key, value: value))
    }
}
