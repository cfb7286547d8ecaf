internal import PlaitProcesses

/// The items of a ``ManagedDictionary``, one after the other, in no order.
///
/// It goes through the keys that were there when the first item was asked for, and gets 64 items at
/// a time. It may or may not see a value that changes meanwhile, and leaves out a key that is
/// removed.
/// - Source: Python's `iter` of a `DictProxy`, with the values.
public struct ManagedDictionaryIterator<
    Key: Codable & Hashable & Sendable, Value: Codable & Sendable
>: AsyncIteratorProtocol, Sendable {
    public typealias Element = (key: Key, value: Value)
    private typealias Store = DictionaryStore<Key, Value>

    private static var batch: Int { 64 }
    private let book: ManagedDictionary<Key, Value>
    /// Nil before the first item.
    private var keys: ArraySlice<Key>?
    private var items: [Element] = []

    init(_ book: ManagedDictionary<Key, Value>) { self.book = book }

    /// The next item; nil at the end.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: ``ManagerError``; ``ManagerDied``; `CancellationError`.
    @available(*, noasync)
    public mutating func next() throws -> Element? {
        if keys == nil { keys = try book.keys()[...] }
        while let some = nextKeys() { take(try book.object.call(Store.Some(keys: some))) }
        return items.popLast()
    }

    /// The next item, suspending the calling task.
    public mutating func next() async throws -> Element? {
        if keys == nil { keys = try await book.keys()[...] }
        while let some = nextKeys() { take(try await book.object.call(Store.Some(keys: some))) }
        return items.popLast()
    }

    /// The keys of the next items to get; nil if items are left, or if there are no more keys.
    private mutating func nextKeys() -> [Key]? {
        guard items.isEmpty, let keys, !keys.isEmpty else { return nil }
        self.keys = keys.dropFirst(Self.batch)
        return Array(keys.prefix(Self.batch))
    }

    private mutating func take(_ pairs: [Store.Pair]) {
        items = pairs.map { (key: $0.key, value: $0.value) }
    }
}

extension ManagedDictionary: AsyncSequence {
    public typealias Element = (key: Key, value: Value)

    /// The items, for threads and fibers. Tasks use `for try await`.
    public func iterator() -> ManagedDictionaryIterator<Key, Value> {
        ManagedDictionaryIterator(self)
    }

    public func makeAsyncIterator() -> ManagedDictionaryIterator<Key, Value> { iterator() }
}
