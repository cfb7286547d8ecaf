internal import PlaitProcesses

/// An array of fixed size in a ``Manager``.
///
/// Negative indices count from the end, as Python's do.
/// - Source: Python's `SyncManager.Array`.
public struct ManagedArray<Element: Codable & Sendable>: Codable, Hashable, Sendable {
    let object: Managed<ArrayStore<Element>>

    init(_ object: Managed<ArrayStore<Element>>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

/// The array in its manager.
final class ArrayStore<Element: Codable & Sendable>: ManagedType {
    typealias Store = ArrayStore
    let list: ListStore<Element>

    init(_ items: [Element]) { list = ListStore(items) }
}

extension ArrayStore {
    struct Get: ManagedCall {
        let index: Int

        func run(on store: Store) throws -> Element {
            store.list.items[try store.list.place(index)]
        }
    }

    struct Set: ManagedCall {
        let index: Int
        let value: Element

        func run(on store: Store) throws -> Nothing {
            store.list.items[try store.list.place(index)] = value
            return Nothing()
        }
    }

    struct Part: ManagedCall {
        let from: Int?
        let to: Int?

        func run(on store: Store) throws -> [Element] {
            Array(store.list.items[store.list.part(from, to)])
        }
    }

    struct SetPart: ManagedCall {
        let first: Int
        let values: [Element]

        func run(on store: Store) throws -> Nothing {
            let start = try store.list.place(first, orEnd: true)
            guard start + values.count <= store.list.items.count else {
                throw ManagerError.noSuchIndex(
                    start + values.count - 1, count: store.list.items.count)
            }
            store.list.items.replaceSubrange(start..<start + values.count, with: values)
            return Nothing()
        }
    }

    struct Count: ManagedCall {
        func run(on store: Store) throws -> Int {
            store.list.items.count
        }
    }
}

extension ManagedArray {
    typealias Store = ArrayStore<Element>

    /// The item at an index.
    ///
    /// - Throws: ``ManagerError/noSuchIndex(_:count:)``; ``ManagerDied``.
    @available(*, noasync)
    public func get(_ index: Int) throws -> Element {
        try object.call(Store.Get(index: index))
    }

    /// Sets the item at an index.
    ///
    /// - Throws: ``ManagerError/noSuchIndex(_:count:)``; ``ManagerDied``.
    @available(*, noasync)
    public func set(_ index: Int, _ value: Element) throws {
        _ = try object.call(Store.Set(index: index, value: value))
    }

    /// The items from one index up to another, as far as they exist.
    @available(*, noasync)
    public func slice(from: Int? = nil, to: Int? = nil) throws -> [Element] {
        try object.call(Store.Part(from: from, to: to))
    }

    /// Sets items from an index on.
    ///
    /// - Throws: ``ManagerError/noSuchIndex(_:count:)``; ``ManagerDied``.
    @available(*, noasync)
    public func set(from index: Int, _ values: [Element]) throws {
        _ = try object.call(Store.SetPart(first: index, values: values))
    }

    /// How many items it has.
    @available(*, noasync)
    public func count() throws -> Int {
        try object.call(Store.Count())
    }

    /// A copy of the whole array.
    @available(*, noasync)
    public func all() throws -> [Element] { try slice() }
}
