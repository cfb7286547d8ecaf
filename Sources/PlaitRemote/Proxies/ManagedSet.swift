internal import PlaitProcesses

/// A set in a ``Manager``.
/// - Source: Python's `SyncManager.set`.
public struct ManagedSet<Element: Codable & Hashable & Sendable>: Codable, Hashable, Sendable {
    let object: Managed<SetStore<Element>>

    init(_ object: Managed<SetStore<Element>>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

/// The set in its manager.
final class SetStore<Element: Codable & Hashable & Sendable>: ManagedType {
    typealias Store = SetStore
    var items: Set<Element>

    init(_ items: Set<Element>) { self.items = items }
}

extension SetStore {
    struct Insert: ManagedCall {
        let value: Element

        func run(on store: Store) throws -> Bool {
            store.items.insert(value).inserted
        }
    }

    struct Remove: ManagedCall {
        let value: Element

        func run(on store: Store) throws -> Bool {
            store.items.remove(value) != nil
        }
    }

    struct PopAny: ManagedCall {
        func run(on store: Store) throws -> Element? {
            store.items.popFirst()
        }
    }

    struct Union: ManagedCall {
        let others: Set<Element>

        func run(on store: Store) throws -> Nothing {
            store.items.formUnion(others)
            return Nothing()
        }
    }

    struct Intersection: ManagedCall {
        let others: Set<Element>

        func run(on store: Store) throws -> Nothing {
            store.items.formIntersection(others)
            return Nothing()
        }
    }

    struct Subtract: ManagedCall {
        let others: Set<Element>

        func run(on store: Store) throws -> Nothing {
            store.items.subtract(others)
            return Nothing()
        }
    }

    struct All: ManagedCall {
        func run(on store: Store) throws -> Set<Element> {
            store.items
        }
    }

    struct Count: ManagedCall {
        func run(on store: Store) throws -> Int {
            store.items.count
        }
    }

    struct Contains: ManagedCall {
        let value: Element

        func run(on store: Store) throws -> Bool {
            store.items.contains(value)
        }
    }
}

extension ManagedSet {
    typealias Store = SetStore<Element>

    /// Adds an item. Returns false if it was there already.
    @available(*, noasync)
    @discardableResult
    public func insert(_ value: Element) throws -> Bool {
        try object.call(Store.Insert(value: value))
    }

    /// Removes an item. Returns false if it was not there.
    @available(*, noasync)
    @discardableResult
    public func remove(_ value: Element) throws -> Bool {
        try object.call(Store.Remove(value: value))
    }

    /// Removes any one item and returns it; nil if there is none.
    @available(*, noasync)
    public func popAny() throws -> Element? {
        try object.call(Store.PopAny())
    }

    /// Adds several items.
    @available(*, noasync)
    public func formUnion(_ others: Set<Element>) throws {
        _ = try object.call(Store.Union(others: others))
    }

    /// Keeps only the items that are also in `others`.
    @available(*, noasync)
    public func formIntersection(_ others: Set<Element>) throws {
        _ = try object.call(Store.Intersection(others: others))
    }

    /// Removes several items.
    @available(*, noasync)
    public func subtract(_ others: Set<Element>) throws {
        _ = try object.call(Store.Subtract(others: others))
    }

    /// A copy of the whole set.
    @available(*, noasync)
    public func all() throws -> Set<Element> {
        try object.call(Store.All())
    }

    /// How many items it has.
    @available(*, noasync)
    public func count() throws -> Int {
        try object.call(Store.Count())
    }

    /// Whether an item is in the set.
    @available(*, noasync)
    public func contains(_ value: Element) throws -> Bool {
        try object.call(Store.Contains(value: value))
    }
}
