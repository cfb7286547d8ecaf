public import DequeModule
public import PlaitParking

/// The pure state of a ``Queue``. Getters wait only while it is empty, putters only while it is full.
@usableFromInline
struct QueueState<Element, Waiters: WaiterList> {
    @usableFromInline
    enum Put {
        /// It is in the queue.
        case stored
        /// It is for this getter, whose wait was ended: it must get the item before it goes on.
        case handTo(Waiters.Element)
        case full
        case shutDown
    }

    @usableFromInline
    enum Get {
        /// The oldest item. If a putter was waiting, its wait was ended: its item must be taken and
        /// given to ``refill(_:)`` before it goes on.
        case item(Element, refillFrom: Waiters.Element?)
        case empty
        case shutDown
    }

    @usableFromInline let capacity: Int
    @usableFromInline private(set) var isShutDown = false
    @usableFromInline private(set) var items = Deque<Element>()
    @usableFromInline var getters = Waiters()
    @usableFromInline var putters = Waiters()

    @inlinable
    init(capacity: Int) { self.capacity = capacity }

    @inlinable var isFull: Bool { items.count >= capacity }

    /// Decides on an item; stores it unless the answer says otherwise.
    @inlinable
    mutating func put(_ item: @autoclosure () -> Element) -> Put {
        if isShutDown { return .shutDown }
        if items.isEmpty, let getter = getters.claimFirst() { return .handTo(getter) }
        if isFull { return .full }
        items.append(item())
        return .stored
    }

    @inlinable
    mutating func get() -> Get {
        guard let item = items.popFirst() else { return isShutDown ? .shutDown : .empty }
        return .item(item, refillFrom: putters.claimFirst())
    }

    /// Stores the item of a putter whose place ``get()`` made.
    @inlinable
    mutating func refill(_ item: Element) { items.append(item) }

    /// Those whose waits a shut down ended, and the items that it dropped: to be let go of outside
    /// the lock, since their ends may use the queue.
    typealias ShutDown = (
        getters: [Waiters.Element], putters: [Waiters.Element], dropped: Deque<Element>
    )

    /// Refuses further items; getters may drain the rest, unless `immediately` drops it.
    mutating func shutDown(immediately: Bool) -> ShutDown {
        isShutDown = true
        var ended: ShutDown = ([], [], [])
        if immediately { swap(&items, &ended.dropped) }
        while let waiter = getters.claimFirst() { ended.getters.append(waiter) }
        while let waiter = putters.claimFirst() { ended.putters.append(waiter) }
        return ended
    }
}
