public import DequeModule
public import HeapModule

/// The storage of a ``BlockingQueue``, which defines the order of its items.
///
/// Write a type of your own for a queue in another order. The queue calls it under its lock, so it
/// must neither wait nor use its queue, nor release items whose `deinit` does. The `put` or `get`
/// that needed the storage throws the storage's error, also after a wait; it has then neither added
/// nor taken an item.
/// - Source: the hooks `_put`, `_get` and `_qsize` of Python's `queue.Queue`.
public protocol QueueStorage<Element> {
    associatedtype Element
    /// How many items it holds.
    var count: Int { get }
    /// Adds an item.
    mutating func push(_ item: Element) throws
    /// Takes the next item. Called only when there is one.
    mutating func pop() throws -> Element
    /// The item that ``pop()`` would take. Called only when there is one.
    func peek() throws -> Element
    /// Whether an item that is pushed into an empty storage comes out unchanged. If so, the queue
    /// may hand it to a waiting getter without the storage. False by default.
    static var passesThrough: Bool { get }
}

extension QueueStorage {
    @inlinable public static var passesThrough: Bool { false }
}

/// The order of a ``Queue``: oldest first.
///
/// A ring that needs no lock holds the items that fit. A large or unbounded queue keeps the rest
/// behind the ring.
@safe
public struct FirstInFirstOut<Element>: QueueStorage {
    @usableFromInline let ring: Ring<Element>
    /// The items behind those of the ring. Empty, except while the ring is full and diverted at
    /// both ends.
    @usableFromInline var overflow = Deque<Element>()

    @inlinable
    init(ring: Ring<Element>) { self.ring = ring }

    @inlinable public static var passesThrough: Bool { true }
    @inlinable public var count: Int { ring.count + overflow.count }

    @inlinable
    public mutating func push(_ item: Element) {
        if overflow.isEmpty && ring.count < ring.slotCount {
            ring.pushDiverted(item)
        } else {
            overflow.append(item)
        }
    }

    @inlinable
    public mutating func pop() -> Element {
        let item = ring.popDiverted()
        if let next = overflow.popFirst() { ring.pushDiverted(next) }
        return item
    }

    @inlinable
    public func peek() -> Element { ring.peekDiverted() }
}

/// The order of a ``LifoQueue``: youngest first.
public struct LastInFirstOut<Element>: QueueStorage {
    @usableFromInline var items: [Element]

    @inlinable
    public init(_ items: [Element] = []) { self.items = items }

    @inlinable public static var passesThrough: Bool { true }
    @inlinable public var count: Int { items.count }
    @inlinable
    public mutating func push(_ item: Element) { items.append(item) }
    @inlinable
    public mutating func pop() -> Element { items.removeLast() }
    @inlinable
    public func peek() -> Element { items[items.count - 1] }
}

/// The order of a ``PriorityQueue``: smallest first, and oldest first among equal items. It
/// compares items under the queue's lock.
public struct SmallestFirst<Element: Comparable>: QueueStorage {
    @usableFromInline
    struct Entry: Comparable {
        @usableFromInline let item: Element
        /// How many items were pushed before this one.
        @usableFromInline let number: UInt

        @inlinable
        init(item: Element, number: UInt) {
            self.item = item
            self.number = number
        }

        @inlinable
        static func < (left: Entry, right: Entry) -> Bool {
            if left.item < right.item { return true }
            if right.item < left.item { return false }
            return left.number < right.number
        }

        @inlinable
        static func == (left: Entry, right: Entry) -> Bool { left.number == right.number }
    }

    @usableFromInline var heap: Heap<Entry>
    @usableFromInline var pushes: UInt = 0

    @inlinable
    public init(_ items: [Element] = []) {
        heap = Heap(
            items.enumerated().map { Entry(item: $0.element, number: UInt($0.offset)) })
        pushes = UInt(items.count)
    }

    @inlinable public static var passesThrough: Bool { true }
    @inlinable public var count: Int { heap.count }

    @inlinable
    public mutating func push(_ item: Element) {
        heap.insert(Entry(item: item, number: pushes))
        pushes &+= 1
    }

    @inlinable
    public mutating func pop() -> Element { heap.removeMin().item }

    @inlinable
    public func peek() -> Element { unsafe heap.min.unsafelyUnwrapped.item }
}

/// A value with a priority, for a ``PriorityQueue`` of values that are not comparable themselves.
///
/// Smaller priorities come first.
public struct Prioritized<Value, Priority: Comparable>: Comparable {
    public let priority: Priority
    public let value: Value

    @inlinable
    public init(_ value: Value, priority: Priority) {
        self.priority = priority
        self.value = value
    }

    @inlinable
    public static func < (left: Prioritized, right: Prioritized) -> Bool {
        left.priority < right.priority
    }

    @inlinable
    public static func == (left: Prioritized, right: Prioritized) -> Bool {
        left.priority == right.priority
    }
}

extension Prioritized: Sendable where Value: Sendable, Priority: Sendable {}
