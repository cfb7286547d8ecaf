public import PlaitParking
public import PlaitPlatform

/// A first-in, first-out queue between threads, fibers and tasks.
/// - Source: Python's `queue.Queue`.
public typealias Queue<Element> = BlockingQueue<FirstInFirstOut<Element>>

/// A queue whose youngest item comes first.
/// - Source: Python's `queue.LifoQueue`.
public typealias LifoQueue<Element> = BlockingQueue<LastInFirstOut<Element>>

/// A queue whose smallest item comes first. Among equal items the oldest comes first.
/// - Source: Python's `queue.PriorityQueue`.
public typealias PriorityQueue<Element: Comparable> = BlockingQueue<SmallestFirst<Element>>

/// A queue between threads, fibers and tasks: ``Queue``, ``LifoQueue``, ``PriorityQueue``, or one
/// in an order of your own (see ``QueueStorage``).
///
/// Getters wait while it is empty, and putters while it is full. Both are served first come, first
/// served. An item put while a getter waits goes to that getter.
public final class BlockingQueue<Storage: QueueStorage>: @unchecked Sendable {
    public typealias Element = Storage.Element
    // Sendable: `guardLock` guards `state` and `refusals`; Ring.swift has the ring's rules; items
    // are sent in and out.
    @usableFromInline let guardLock = ShortLock()
    @exclusivity(unchecked) @usableFromInline var state: QueueState<Storage, WaitQueue>
    /// Errors of the storage for woken waiters, by the addresses of their places. Guarded as
    /// `state` is.
    @exclusivity(unchecked) @usableFromInline var refusals: [UInt: any Error] = [:]
    /// The storage's ring. While nobody waits, items go through it without the lock. Owned by the
    /// queue.
    @usableFromInline let ring: Ring<Element>?
    /// Its name in reports, or where it was made.
    public let label: ObjectLabel

    @inlinable
    init(capacity: Int, storage: Storage, ring: Ring<Element>?, _ label: ObjectLabel) {
        self.label = label
        demand(capacity >= 1, "a queue needs a capacity of at least 1, not \(capacity)")
        unsafe state = QueueState(capacity: capacity, storage: storage)
        self.ring = ring
    }

    /// - Parameters:
    ///   - capacity: How many items the queue holds before putters wait; at least 1.
    ///   - storage: Keeps the items and defines their order. It may hold items at the start.
    @inlinable
    public convenience init(
        capacity: Int, storage: sending Storage, name: String? = nil, file: StaticString = #fileID,
        line: UInt = #line
    ) {
        self.init(
            capacity: capacity, storage: storage, ring: nil, ObjectLabel(name, file, line))
    }

    @inlinable
    deinit {
        ring?.deallocate()
    }

    /// How many items the queue holds before putters wait; at least 1. If a new capacity is below
    /// the number of items, they stay, and the queue counts as full.
    ///
    /// A put that is under way during a change may still go by the old capacity.
    public var capacity: Int {
        get { guardLock.withLock { unsafe state.capacity } }
        set { setCapacity(newValue) }
    }

    /// How many items are in the queue at this moment.
    @inlinable public var count: Int { guardLock.withLock { unsafe state.storage.count } }
    @inlinable public var isEmpty: Bool { count == 0 }
    @inlinable public var isFull: Bool { guardLock.withLock { unsafe state.isFull } }
    public var isShutDown: Bool { guardLock.withLock { unsafe state.isShutDown } }

    // MARK: Putting

    /// Adds an item, waiting while the queue is full.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `QueueError.shutDown`, `CancellationError`. The item is not in the queue then.
    /// - Source: Python's `Queue.put`.
    @available(*, noasync)
    @inlinable
    public func put(_ item: sending Element) throws {
        if pushAtOnce(item) { return }
        if try !seemsFull && putSlowly(item) { return }
        _ = try waitToPut(item, until: .never)
    }

    /// Adds an item, suspending the calling task while the queue is full.
    @inlinable
    public func put(_ item: sending Element) async throws {
        if pushAtOnce(item) { return }
        if try putSlowly(item) { return }
        _ = try await waitToPut(item, until: .never)
    }

    /// Adds an item, waiting for at most the limit while the queue is full.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Returns: False when the limit passed first. The item is not in the queue then.
    /// - Throws: As ``put(_:)``.
    @available(*, noasync)
    @inlinable
    public func put(_ item: sending Element, within limit: Duration?) throws -> Bool {
        if pushAtOnce(item) { return true }
        if try !seemsFull && putSlowly(item) { return true }
        return try waitToPut(item, until: Deadline(within: limit))
    }

    /// As the sync form, suspending the calling task.
    @inlinable
    public func put(_ item: sending Element, within limit: Duration?) async throws -> Bool {
        if pushAtOnce(item) { return true }
        if try putSlowly(item) { return true }
        return try await waitToPut(item, until: Deadline(within: limit))
    }

    /// Adds an item if there is place for it. Never waits.
    /// - Returns: False when the queue is full.
    /// - Throws: `QueueError.shutDown`.
    @inlinable
    public func tryPut(_ item: sending Element) throws -> Bool {
        if pushAtOnce(item) { return true }
        return try putSlowly(item)
    }

    // MARK: Getting

    /// Takes the next item, waiting while the queue is empty.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `TimedOut` past the limit, `QueueError.shutDown` once shut down and
    ///   drained, `CancellationError`.
    /// - Source: Python's `Queue.get`.
    @available(*, noasync)
    @inlinable
    public func get(within limit: Duration? = nil) throws -> sending Element {
        var place: Element?
        if popAtOnce(into: &place) { return unsafe unsafelyTaken(&place) }
        if try seemsEmpty || !getSlowly(into: &place) {
            try waitToGet(into: &place, until: Deadline(within: limit))
        }
        return unsafe unsafelyTaken(&place)
    }

    /// Takes the next item, suspending the calling task while the queue is empty.
    @inlinable
    public func get(within limit: Duration? = nil) async throws -> sending Element {
        var item: Element?
        if !popAtOnce(into: &item) {
            if try !getSlowly(into: &item) {
                item = try await waitToGet(until: Deadline(within: limit))
            }
        }
        return unsafe unsafelyTaken(&item)
    }

    /// Takes the next item if there is one. Never waits.
    /// - Throws: `QueueError.shutDown` once shut down and drained.
    @inlinable
    public func tryGet() throws -> sending Element? {
        var item: Element?
        if !popAtOnce(into: &item) { _ = try getSlowly(into: &item) }
        nonisolated(unsafe) let taken = item
        return unsafe taken
    }

    // MARK: Ending

    /// Refuses further items: putters get `QueueError.shutDown`. Getters still get the items that
    /// are there, and then `QueueError.shutDown`. With `immediately`, these items are dropped and
    /// count as done.
    /// - Source: Python 3.13's `Queue.shutdown`.
    public func shutDown(immediately: Bool = false) {
        lockDiverted()
        let dropped = unsafe state.shutDown(immediately: immediately)
        var claimed = ClaimedWaiters()
        while let waiter = unsafe state.getters.claimFirst() { claimed.append(waiter) }
        while let waiter = unsafe state.putters.claimFirst() { claimed.append(waiter) }
        while let waiter = unsafe state.peekers.claimFirst() { claimed.append(waiter) }
        if unfinished <= 0 { claimJoiners(&claimed) }
        unlock()
        claimed.unparkAll()
        // Dropped outside the lock, since the items' `deinit` may use the queue.
        withExtendedLifetime(dropped) {}
    }

    private func setCapacity(_ capacity: Int) {
        demand(capacity >= 1, "a queue needs a capacity of at least 1, not \(capacity)")
        lockDiverted()
        unsafe state.setCapacity(capacity)
        ring?.capacity = capacity
        let claimed = takeInPutters()
        unlock()
        claimed.unparkAll()
    }
}

extension BlockingQueue {
    /// How many slots a queue's ring has at most. The queue keeps further items under its lock.
    @inlinable static var ringSlots: Int { 1_024 }

    /// - Parameters:
    ///   - items: The items that are in the queue at the start, oldest first.
    ///   - capacity: How many items the queue holds before putters wait; at least 1.
    @inlinable
    public convenience init<Item>(
        _ items: sending [Item] = [], capacity: Int, name: String? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) where Storage == FirstInFirstOut<Item> {
        let ring = Ring<Item>(limit: capacity, slotLimit: Self.ringSlots)
        var storage = FirstInFirstOut(ring: ring)
        for item in items { storage.push(item) }
        self.init(
            capacity: capacity, storage: storage, ring: ring, ObjectLabel(name, file, line))
        if items.count > ring.slotCount { lockDiverted(); unlock() }
    }

    /// A queue whose putters never wait: memory is its only limit. Prefer a capacity.
    @inlinable
    public static func unbounded<Item>(
        _ items: sending [Item] = [], name: String? = nil, file: StaticString = #fileID,
        line: UInt = #line
    ) -> Queue<Item> where Storage == FirstInFirstOut<Item> {
        Queue(items, capacity: .max, name: name, file: file, line: line)
    }

    @inlinable
    public convenience init<Item>(
        _ items: sending [Item] = [], capacity: Int, name: String? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) where Storage == LastInFirstOut<Item> {
        self.init(
            capacity: capacity, storage: LastInFirstOut(items), ring: nil,
            ObjectLabel(name, file, line))
    }

    @inlinable
    public static func unbounded<Item>(
        _ items: sending [Item] = [], name: String? = nil, file: StaticString = #fileID,
        line: UInt = #line
    ) -> LifoQueue<Item> where Storage == LastInFirstOut<Item> {
        LifoQueue(items, capacity: .max, name: name, file: file, line: line)
    }

    @inlinable
    public convenience init<Item>(
        _ items: sending [Item] = [], capacity: Int, name: String? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) where Storage == SmallestFirst<Item> {
        self.init(
            capacity: capacity, storage: SmallestFirst(items), ring: nil,
            ObjectLabel(name, file, line))
    }

    @inlinable
    public static func unbounded<Item>(
        _ items: sending [Item] = [], name: String? = nil, file: StaticString = #fileID,
        line: UInt = #line
    ) -> PriorityQueue<Item> where Storage == SmallestFirst<Item> {
        PriorityQueue(items, capacity: .max, name: name, file: file, line: line)
    }
}

extension BlockingQueue: CustomStringConvertible {
    /// Such as `Queue(3 of 8 items, jobs)`.
    public var description: String {
        let (count, capacity, isShutDown) = guardLock.withLock {
            unsafe (state.storage.count, state.capacity, state.isShutDown)
        }
        let limit = capacity == .max ? "" : " of \(capacity)"
        let end = isShutDown ? ", shut down" : ""
        return "Queue(\(count)\(limit) items\(end), \(label))"
    }
}

extension BlockingQueue: LabelledObject {}
