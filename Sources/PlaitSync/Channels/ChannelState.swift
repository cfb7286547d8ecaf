public import DequeModule
public import PlaitParking

/// The pure state of a ``Channel``. Receivers wait only while nothing is stored and nobody sends,
/// senders only while it is full and nobody receives.
@usableFromInline
struct ChannelState<Element, Waiters: WaiterList> {
    @usableFromInline
    enum Send {
        /// It is in the channel.
        case stored
        /// It is for this receiver, whose wait was ended: it must get the item before it goes on.
        case handTo(Waiters.Element)
        case full
        case closed
    }

    @usableFromInline
    enum Receive {
        /// The oldest item. If a sender was waiting, its wait was ended: its item must be taken and
        /// given to ``refill(_:)`` before it goes on.
        case item(Element, refillFrom: Waiters.Element?)
        /// The oldest item is this sender's, whose wait was ended: it must be taken before the
        /// sender goes on.
        case takeFrom(Waiters.Element)
        case empty
        case closed
    }

    /// 0: every item is handed over.
    @usableFromInline let capacity: Int
    @usableFromInline private(set) var isClosed = false
    @usableFromInline private(set) var items = Deque<Element>()
    @usableFromInline var receivers = Waiters()
    @usableFromInline var senders = Waiters()

    @inlinable
    init(capacity: Int) { self.capacity = capacity }

    /// Decides on an item; stores it unless the answer says otherwise.
    @inlinable
    mutating func send(_ item: @autoclosure () -> Element) -> Send {
        if isClosed { return .closed }
        if items.isEmpty, let receiver = receivers.claimFirst() { return .handTo(receiver) }
        if items.count >= capacity { return .full }
        items.append(item())
        return .stored
    }

    @inlinable
    mutating func receive() -> Receive {
        if let item = items.popFirst() {
            return .item(item, refillFrom: senders.claimFirst())
        }
        if let sender = senders.claimFirst() { return .takeFrom(sender) }
        return isClosed ? .closed : .empty
    }

    /// Stores the item of a sender whose place ``receive()`` made.
    @inlinable
    mutating func refill(_ item: Element) { items.append(item) }

    /// Refuses further items; what is stored can still be received.
    ///
    /// - Returns: A waiter whose wait that ended; to be called until there is none.
    @inlinable
    mutating func close() -> Waiters.Element? {
        isClosed = true
        return receivers.claimFirst() ?? senders.claimFirst()
    }
}
