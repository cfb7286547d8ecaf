public import DequeModule
public import PlaitParking

/// The pure state of a ``Channel``. Receivers wait only while nothing is stored and no sender
/// waits. Senders wait only while it is full and no receiver waits.
@usableFromInline
struct ChannelState<Element, Waiters: WaiterList> {
    @usableFromInline
    enum Send {
        /// The item is stored in the channel.
        case stored
        /// The item goes to this receiver, whose wait has ended. The caller must hand it over
        /// before the receiver goes on.
        case handTo(Waiters.Element)
        case full
        case closed
    }

    @usableFromInline
    enum Receive {
        /// The oldest item. If a sender was waiting, its wait has ended: the caller must give its
        /// item to ``refill(_:)`` before the sender goes on.
        case item(Element, refillFrom: Waiters.Element?)
        /// The oldest item belongs to this sender, whose wait has ended. The caller must take it
        /// before the sender goes on.
        case takeFrom(Waiters.Element)
        case empty
        case closed
    }

    /// How many items are stored at most. With 0, every item goes from hand to hand.
    @usableFromInline let capacity: Int
    @usableFromInline private(set) var isClosed = false
    @usableFromInline private(set) var items = Deque<Element>()
    @usableFromInline var receivers = Waiters()
    @usableFromInline var senders = Waiters()

    @inlinable
    init(capacity: Int) { self.capacity = capacity }

    /// Decides where an item goes. Stores it, unless the answer says otherwise.
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

    /// Stores the item of a sender for which ``receive()`` made room.
    @inlinable
    mutating func refill(_ item: Element) { items.append(item) }

    /// Refuses further items. Stored items can still be received.
    ///
    /// - Returns: A waiter whose wait this call has ended. Call again until it returns nil.
    @inlinable
    mutating func close() -> Waiters.Element? {
        isClosed = true
        return receivers.claimFirst() ?? senders.claimFirst()
    }
}
