internal import PlaitProcesses

/// Values of any types by their names, in a ``Manager``.
/// - Source: Python's `SyncManager.Namespace`.
public struct ManagedNamespace: Codable, Hashable, Sendable {
    let object: Managed<NamespaceStore>

    init(_ object: Managed<NamespaceStore>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

/// The values by names in their manager.
final class NamespaceStore: ManagedType {
    typealias Store = NamespaceStore
    var values: [String: any Codable & Sendable] = [:]

    init(_ nothing: Nothing) {}
}

extension NamespaceStore {
    struct Get<Value: Codable & Sendable>: ManagedCall {
        let name: String

        func run(on store: NamespaceStore) throws -> Value? {
            guard let value = store.values[name] else { return nil }
            guard let value = value as? Value else {
                throw ManagerError.otherType(
                    expected: "\(Value.self)", found: "\(type(of: value))")
            }
            return value
        }
    }

    struct Set<Value: Codable & Sendable>: ManagedCall {
        let name: String
        let value: Value

        func run(on store: NamespaceStore) -> Nothing {
            store.values[name] = value
            return Nothing()
        }
    }

    struct Remove: ManagedCall {
        let name: String

        func run(on store: Store) throws -> Bool {
            store.values.removeValue(forKey: name) != nil
        }
    }

    struct Names: ManagedCall {
        func run(on store: Store) throws -> [String] {
            store.values.keys.sorted()
        }
    }
}

extension ManagedNamespace {
    typealias Store = NamespaceStore

    /// The value of a name; nil if there is none.
    ///
    /// - Throws: ``ManagerError/otherType(expected:found:)``; ``ManagerDied``.
    @available(*, noasync)
    public func get<Value: Codable & Sendable>(_ name: String, as type: Value.Type = Value.self)
        throws -> Value?
    {
        try object.call(Store.Get<Value>(name: name))
    }

    /// Sets the value of a name, which may have any type.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func set<Value: Codable & Sendable>(_ name: String, _ value: Value) throws {
        _ = try object.call(Store.Set(name: name, value: value))
    }

    /// Removes a name. Returns false if it was not there.
    @available(*, noasync)
    @discardableResult
    public func remove(_ name: String) throws -> Bool {
        try object.call(Store.Remove(name: name))
    }

    /// The names that have values, sorted.
    @available(*, noasync)
    public func names() throws -> [String] {
        try object.call(Store.Names())
    }
}
