public import PlaitParking

/// The pure state of a ``BlockingQueue``. Getters wait only while the queue is empty, and putters
/// only while it is full.
@usableFromInline
struct QueueState<Storage: QueueStorage, Waiters: WaiterList> {
    @usableFromInline typealias Element = Storage.Element

    @usableFromInline
    enum Put {
        /// The item is in the queue.
        case stored
        /// The item goes to this getter, whose wait has ended. The caller must hand it over before
        /// the getter goes on.
        case handTo(Waiters.Element, Element)
        /// The item is in the queue, but the storage failed to give one to this getter, whose wait
        /// has ended. The caller must leave the error with the getter. ``handOver()`` decides about
        /// the next getter.
        case refuse(Waiters.Element, any Error)
        case full
        case shutDown
    }

    @usableFromInline
    enum Get {
        case item(Element)
        case empty
        case shutDown
    }

    @usableFromInline private(set) var capacity: Int
    @usableFromInline private(set) var isShutDown = false
    @usableFromInline var storage: Storage
    @usableFromInline var getters = Waiters()
    @usableFromInline var putters = Waiters()
    /// `joiners` wait until every item is done; `peekers` wait to see an item without taking it.
    @usableFromInline var joiners = Waiters()
    @usableFromInline var peekers = Waiters()
    /// How many items were put through this state and are neither done nor dropped.
    @usableFromInline private(set) var unfinished: Int

    @inlinable
    init(capacity: Int, storage: Storage) {
        self.capacity = capacity
        self.storage = storage
        unfinished = storage.count
    }

    @inlinable var isFull: Bool { storage.count >= capacity }

    /// Whether nobody waits. Then a ring may serve without this state.
    @inlinable var isQuiet: Bool {
        getters.isEmpty && putters.isEmpty && peekers.isEmpty && !isShutDown
    }

    /// Decides where an item goes. Stores it, unless the answer says otherwise.
    @inlinable
    @inline(__always)
    mutating func put(_ item: @autoclosure () -> Element) throws -> Put {
        if isShutDown { return .shutDown }
        // While getters wait, the queue is empty.
        if Storage.passesThrough, let getter = getters.claimFirst() {
            unfinished += 1
            return .handTo(getter, item())
        }
        if isFull { return .full }
        try storage.push(item())
        unfinished += 1
        return Storage.passesThrough ? .stored : handOver()
    }

    /// Gives a newly stored item to the oldest getter.
    /// - Returns: `.stored` when nobody waits any more.
    @inlinable
    mutating func handOver() -> Put {
        guard storage.count > 0, let getter = getters.claimFirst() else { return .stored }
        do {
            return .handTo(getter, try storage.pop())
        } catch {
            return .refuse(getter, error)
        }
    }

    /// Takes the next item. This makes room for a putter: see ``claimPutter()``.
    @inlinable
    mutating func get() throws -> Get {
        if storage.count == 0 { return isShutDown ? .shutDown : .empty }
        return .item(try storage.pop())
    }

    /// Ends the wait of the oldest putter if there is room for its item. The caller must give that
    /// item to ``refill(_:)`` before the putter goes on.
    @inlinable
    mutating func claimPutter() -> Waiters.Element? {
        putters.isEmpty || isFull || isShutDown ? nil : putters.claimFirst()
    }

    @inlinable
    mutating func refill(_ item: Element) throws {
        try storage.push(item)
        unfinished += 1
    }

    @inlinable
    mutating func setCapacity(_ capacity: Int) { self.capacity = capacity }

    /// Notes that an item is done.
    /// - Parameter others: How many items were put without this state.
    /// - Returns: How many items are not done yet; negative when there was none.
    @inlinable
    mutating func taskDone(others: Int) -> Int {
        unfinished -= 1
        return unfinished + others
    }

    /// Refuses further items. `immediately` drops the items that are there, except those that the
    /// storage fails to give.
    ///
    /// - Returns: The dropped items. The caller releases them outside the lock, since their
    ///   `deinit` may use the queue. It must also claim and wake all waiters.
    @inlinable
    mutating func shutDown(immediately: Bool) -> [Element] {
        isShutDown = true
        var dropped: [Element] = []
        while immediately, storage.count > 0, let item = try? storage.pop() {
            dropped.append(item)
            unfinished -= 1
        }
        return dropped
    }
}
