public import PlaitParking

/// The pure state of a ``BlockingQueue``. Getters wait only while it is empty, putters only while
/// it is full.
@usableFromInline
struct QueueState<Storage: QueueStorage, Waiters: WaiterList> {
    @usableFromInline typealias Element = Storage.Element

    @usableFromInline
    enum Put {
        /// It is in the queue.
        case stored
        /// It went to this getter, whose wait was ended: the item must be left with it before it
        /// goes on.
        case handTo(Waiters.Element, Element)
        /// It is in the queue, but the storage failed this getter, whose wait was ended: the error
        /// is to be left with it. ``handOver()`` says what becomes of the next one.
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
    /// Those who wait until every item is done, or look for an item without taking it.
    @usableFromInline var joiners = Waiters()
    @usableFromInline var peekers = Waiters()
    /// Items put by way of this state, less those that are done or were dropped.
    @usableFromInline private(set) var unfinished: Int

    @inlinable
    init(capacity: Int, storage: Storage) {
        self.capacity = capacity
        self.storage = storage
        unfinished = storage.count
    }

    @inlinable var isFull: Bool { storage.count >= capacity }

    /// Whether nobody waits: then a ring may serve without this state.
    @inlinable var isQuiet: Bool {
        getters.isEmpty && putters.isEmpty && peekers.isEmpty && !isShutDown
    }

    /// Decides on an item; stores it unless the answer says otherwise.
    @inlinable
    @inline(__always)
    mutating func put(_ item: @autoclosure () -> Element) throws -> Put {
        if isShutDown { return .shutDown }
        // While getters wait, it is empty.
        if Storage.passesThrough, let getter = getters.claimFirst() {
            unfinished += 1
            return .handTo(getter, item())
        }
        if isFull { return .full }
        try storage.push(item())
        unfinished += 1
        return Storage.passesThrough ? .stored : handOver()
    }

    /// Gives an item that was just stored to the oldest getter.
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

    /// Takes the next item. It leaves a place for putters: see ``claimPutter()``.
    @inlinable
    mutating func get() throws -> Get {
        if storage.count == 0 { return isShutDown ? .shutDown : .empty }
        return .item(try storage.pop())
    }

    /// Ends the wait of the oldest putter if there is place for its item, which is to be given to
    /// ``refill(_:)`` before it goes on.
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
    /// - Parameter others: Items that were put without this state.
    /// - Returns: How many are not; negative when there was none.
    @inlinable
    mutating func taskDone(others: Int) -> Int {
        unfinished -= 1
        return unfinished + others
    }

    /// Refuses further items. `immediately` drops what is there, but for what the storage fails to
    /// give.
    ///
    /// - Returns: What was dropped: to be let go of outside the lock, since its end may use the
    ///   queue. Those who wait are to be claimed and woken.
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
