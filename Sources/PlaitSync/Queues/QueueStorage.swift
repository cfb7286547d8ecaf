public import DequeModule
public import HeapModule

/// In which order a queue keeps its items: what ``BlockingQueue`` is made of.
///
/// A type of your own gives a queue of its own kind. It is used under the queue's lock: it must not
/// wait, use its queue, nor let go of items whose ends do. What it throws is thrown by the `put` or
/// `get` that needed it, also after a wait; that one neither added nor took an item.
/// - Source: the hooks `_put`, `_get` and `_qsize` of Python's `queue.Queue`.
public protocol QueueStorage<Element> {
    associatedtype Element
    /// Items in it.
    var count: Int { get }
    /// Adds an item.
    mutating func push(_ item: Element) throws
    /// Takes the next item, of which there is one.
    mutating func pop() throws -> Element
    /// The item that ``pop()`` would take, of which there is one.
    func peek() throws -> Element
    /// Whether an item that is pushed into an empty storage comes out of it as it was: then it may
    /// be handed to a waiting getter past the storage. False unless you say otherwise.
    static var passesThrough: Bool { get }
}

extension QueueStorage {
    @inlinable public static var passesThrough: Bool { false }
}

/// Oldest first: the order of a ``Queue``.
///
/// What fits lies in a ring that needs no lock; the rest of a large or unbounded queue behind it.
@safe
public struct FirstInFirstOut<Element>: QueueStorage {
    @usableFromInline let ring: Ring<Element>
    /// Behind the ring's. Not empty only while the ring is full, and diverted at both ends.
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

/// Youngest first: the order of a ``LifoQueue``.
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

/// Smallest first, and oldest first among equals: the order of a ``PriorityQueue``. It compares
/// items under the queue's lock.
public struct SmallestFirst<Element: Comparable>: QueueStorage {
    @usableFromInline
    struct Entry: Comparable {
        @usableFromInline let item: Element
        /// How many were pushed before it.
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

/// A value and its priority, for a ``PriorityQueue`` of what is not comparable itself.
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
