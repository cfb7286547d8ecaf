internal import PlaitProcesses

/// A list in a ``Manager``.
///
/// Negative indices count from the end, as Python's do.
/// - Source: Python's `SyncManager.list`.
public struct ManagedList<Element: Codable & Sendable>: Codable, Hashable, Sendable {
    let object: Managed<ListStore<Element>>

    init(_ object: Managed<ListStore<Element>>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

/// The list in its manager.
final class ListStore<Element: Codable & Sendable>: ManagedType {
    typealias Store = ListStore
    var items: [Element]

    init(_ items: [Element]) { self.items = items }

    /// The position of an index in the list. For an insertion, that may be the end.
    func place(_ index: Int, orEnd: Bool = false) throws(ManagerError) -> Int {
        let place = index < 0 ? index + items.count : index
        guard place >= 0, place < items.count || orEnd && place == items.count else {
            throw .noSuchIndex(index, count: items.count)
        }
        return place
    }

    /// A part of the list. As with Python's slices, a part that reaches beyond the list is cut.
    func part(_ from: Int?, _ to: Int?) -> Range<Int> {
        func clamp(_ index: Int) -> Int {
            max(0, min(index < 0 ? index + items.count : index, items.count))
        }
        let first = clamp(from ?? 0)
        return first..<max(first, clamp(to ?? items.count))
    }
}

extension ListStore {
    struct Get: ManagedCall {
        let index: Int

        func run(on store: Store) throws -> Element {
            store.items[try store.place(index)]
        }
    }

    struct At: ManagedCall {
        let index: Int

        func run(on store: Store) throws -> Element? {
            index < store.items.count ? store.items[index] : nil
        }
    }

    struct Set: ManagedCall {
        let index: Int
        let value: Element

        func run(on store: Store) throws -> Nothing {
            store.items[try store.place(index)] = value
            return Nothing()
        }
    }

    struct Part: ManagedCall {
        let from: Int?
        let to: Int?

        func run(on store: Store) throws -> [Element] {
            Array(store.items[store.part(from, to)])
        }
    }

    struct ReplacePart: ManagedCall {
        let from: Int?
        let to: Int?
        let others: [Element]

        func run(on store: Store) throws -> Nothing {
            store.items.replaceSubrange(store.part(from, to), with: others)
            return Nothing()
        }
    }

    struct Append: ManagedCall {
        let values: [Element]

        func run(on store: Store) throws -> Nothing {
            store.items += values
            return Nothing()
        }
    }

    struct Insert: ManagedCall {
        let index: Int
        let value: Element

        func run(on store: Store) throws -> Nothing {
            store.items.insert(value, at: try store.place(index, orEnd: true))
            return Nothing()
        }
    }

    struct Remove: ManagedCall {
        let index: Int

        func run(on store: Store) throws -> Element {
            store.items.remove(at: try store.place(index))
        }
    }

    struct RemoveAll: ManagedCall {
        func run(on store: Store) throws -> Nothing {
            store.items = []
            return Nothing()
        }
    }

    struct Repeat: ManagedCall {
        let times: Int

        func run(on store: Store) throws -> Nothing {
            store.items = Array((0..<max(0, times)).map { _ in store.items }.joined())
            return Nothing()
        }
    }

    struct Reverse: ManagedCall {
        func run(on store: Store) throws -> Nothing {
            store.items.reverse()
            return Nothing()
        }
    }

    struct Count: ManagedCall {
        func run(on store: Store) throws -> Int {
            store.items.count
        }
    }

    struct Update<Change: ManagedUpdate>: ManagedCall where Change.Value == Element {
        let index: Int
        let change: Change

        func run(on store: ListStore) throws -> Element {
            let place = try store.place(index)
            var value = store.items[place]
            try change.apply(to: &value)
            store.items[place] = value
            return value
        }
    }

    struct Sort: ManagedCall where Element: Comparable {
        func run(on store: ListStore) -> Nothing {
            store.items.sort()
            return Nothing()
        }
    }

    struct Find: ManagedCall where Element: Equatable {
        let value: Element

        func run(on store: ListStore) -> Int? { store.items.firstIndex(of: value) }
    }
}

extension ManagedList {
    typealias Store = ListStore<Element>

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

    /// Changes the item at an index in one call, and returns the changed item.
    ///
    /// - Throws: ``ManagerError/noSuchIndex(_:count:)``; ``ManagerDied``; errors of the change.
    @available(*, noasync)
    @discardableResult
    public func update<Change: ManagedUpdate>(_ index: Int, by change: Change) throws -> Element
    where Change.Value == Element {
        try object.call(Store.Update(index: index, change: change))
    }

    /// The items from one index up to another, as far as they exist.
    ///
    /// - Source: Python's `list[from:to]`.
    @available(*, noasync)
    public func slice(from: Int? = nil, to: Int? = nil) throws -> [Element] {
        try object.call(Store.Part(from: from, to: to))
    }

    /// Replaces some items by others, of any number.
    ///
    /// - Source: Python's `list[from:to] = others`.
    @available(*, noasync)
    public func replaceSlice(from: Int? = nil, to: Int? = nil, with others: [Element]) throws {
        _ = try object.call(Store.ReplacePart(from: from, to: to, others: others))
    }

    /// Adds an item at the end.
    @available(*, noasync)
    public func append(_ value: Element) throws {
        _ = try object.call(Store.Append(values: [value]))
    }

    /// Adds items at the end.
    ///
    /// - Source: Python's `list.extend`, `+=`.
    @available(*, noasync)
    public func append(contentsOf values: [Element]) throws {
        _ = try object.call(Store.Append(values: values))
    }

    /// Inserts an item before the one at an index.
    ///
    /// - Throws: ``ManagerError/noSuchIndex(_:count:)``; ``ManagerDied``.
    @available(*, noasync)
    public func insert(_ value: Element, at index: Int) throws {
        _ = try object.call(Store.Insert(index: index, value: value))
    }

    /// Removes the item at an index and returns it.
    ///
    /// - Source: Python's `list.pop`, `del`.
    @available(*, noasync)
    @discardableResult
    public func remove(at index: Int) throws -> Element {
        try object.call(Store.Remove(index: index))
    }

    /// Removes all items.
    @available(*, noasync)
    public func removeAll() throws {
        _ = try object.call(Store.RemoveAll())
    }

    /// Repeats the contents of the list `times` times.
    ///
    /// - Source: Python's `list *= times`.
    @available(*, noasync)
    public func `repeat`(times: Int) throws {
        _ = try object.call(Store.Repeat(times: times))
    }

    /// Reverses the list.
    @available(*, noasync)
    public func reverse() throws {
        _ = try object.call(Store.Reverse())
    }

    /// How many items it has.
    @available(*, noasync)
    public func count() throws -> Int {
        try object.call(Store.Count())
    }

    /// A copy of the whole list.
    @available(*, noasync)
    public func all() throws -> [Element] { try slice() }

    /// An iterator, which gets each item from the list as it is at that moment.
    public func iterator() -> ManagedListIterator<Element> { ManagedListIterator(self) }
}

extension ManagedList where Element: Comparable {
    /// Sorts the list.
    @available(*, noasync)
    public func sort() throws {
        _ = try object.call(Store.Sort())
    }
}

extension ManagedList where Element: Equatable {
    /// The index of the first equal item; nil if there is none.
    ///
    /// - Source: Python's `list.index`.
    @available(*, noasync)
    public func firstIndex(of value: Element) throws -> Int? {
        try object.call(Store.Find(value: value))
    }
}
