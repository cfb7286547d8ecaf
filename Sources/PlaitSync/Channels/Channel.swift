public import PlaitParking
public import PlaitPlatform

/// Why a ``Channel`` did not take or give an item.
public enum ChannelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// ``Channel/close()`` was called. The channel takes no more items, and none is left in it.
    case closed

    public var description: String {
        switch self {
        case .closed: "the channel is closed"
        }
    }
}

/// Passes items from senders to receivers, which may be threads, fibers and tasks.
///
/// A channel without a capacity is a rendezvous: a sender waits until a receiver takes its item. A
/// channel with a capacity stores that many items before senders wait. Both sides are served first
/// come, first served. An item sent while a receiver waits goes directly to that receiver. The
/// strand that comes second goes on running, and the one that waited becomes ready.
/// ``select(within:_:)`` waits on several channels.
///
/// If that has paid lately, a task looks for a partner for up to 8 µs before it suspends. So two
/// tasks on two processors pass items without suspending. A task's place in the order of waiters
/// counts from the moment when it suspends.
///
/// A loop over the channel receives until it is closed and drained:
/// ```swift
/// let lines = Channel<String>()
/// spawn(.thread) { for line in lines { print(line) } }
/// try lines.send("hello")
/// lines.close()
/// ```
/// - Source: gevent's `queue.Channel`, eventlet's `Queue(0)`; closing and select are Go's.
public final class Channel<Element>: @unchecked Sendable {
    // Sendable: `guardLock` guards `state`; items are sent in and out.
    @usableFromInline let guardLock = ShortLock()
    @exclusivity(unchecked) @usableFromInline var state: ChannelState<Element, WaitQueue>
    @usableFromInline let spins = SpinHistory()

    /// - Parameters:
    ///   - capacity: How many items it stores before senders wait; 0 stores none.
    ///   - name: Its name in reports; nil: the place of this call.
    public init(
        capacity: Int = 0, name: String? = nil, file: StaticString = #fileID, line: UInt = #line
    ) {
        label = ObjectLabel(name, file, line)
        demand(capacity >= 0, "a Channel needs a capacity of at least 0, not \(capacity)")
        self.capacity = capacity
        unsafe state = ChannelState(capacity: capacity)
    }

    /// Its name in reports, or where it was made.
    public let label: ObjectLabel
    /// How many items it stores before senders wait.
    public let capacity: Int
    /// How many items are stored at this moment. The items of waiting senders do not count.
    public var count: Int { guardLock.withLock { unsafe state.items.count } }
    /// Whether nothing is stored. Always true without a capacity.
    public var isEmpty: Bool { count == 0 }
    /// Whether nothing more can be stored. Always true without a capacity.
    public var isFull: Bool { count >= capacity }
    public var isClosed: Bool { guardLock.withLock { unsafe state.isClosed } }

    // MARK: Sending

    /// Gives an item to a receiver or stores it. Waits while neither is possible.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `ChannelError.closed`, also when that happens while it waits,
    ///   `CancellationError`. Nobody gets the item then.
    /// - Source: gevent's `Channel.put`.
    @available(*, noasync)
    @inlinable
    public func send(_ item: sending Element) throws {
        _ = try send(item, within: nil)
    }

    /// Gives an item to a receiver, or stores it, suspending the calling task meanwhile.
    @inlinable
    public func send(_ item: sending Element) async throws {
        _ = try await send(item, within: nil)
    }

    /// Gives an item to a receiver, or stores it, waiting for at most the limit.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Returns: False when the limit passed first. Nobody gets the item then.
    /// - Throws: As ``send(_:)``.
    @available(*, noasync)
    @inlinable
    public func send(_ item: sending Element, within limit: Duration?) throws -> Bool {
        var place: Element? = item
        if try sendAtOnce(from: &place) { return true }
        let outcome = unsafe withUnsafeMutablePointer(to: &place) { slot in
            unsafe Parking.block(
                on: WaitTarget("Channel.send", self), slot: UnsafeMutableRawPointer(slot),
                until: Deadline(within: limit), enrol: { self.enrolSender($0) },
                withdraw: { self.withdrawSender($0) })
        }
        return try finishSend(outcome, isTaken: place == nil)
    }

    /// As the sync form, suspending the calling task.
    @inlinable
    public func send(_ item: sending Element, within limit: Duration?) async throws -> Bool {
        var first: Element? = item
        if try sendAtOnce(from: &first) { return true }
        if try spinToSend(from: &first, within: limit) { return true }
        let place = ItemPlace<Element>(first)
        first = nil
        let outcome = unsafe await Parking.suspend(
            on: WaitTarget("Channel.send", self), slot: place.address,
            until: Deadline(within: limit), enrol: { self.enrolSender($0) },
            withdraw: { self.withdrawSender($0) })
        return try finishSend(outcome, isTaken: place.take() == nil)
    }

    /// Gives an item to a receiver that waits, or stores it. Never waits.
    /// - Returns: False when that is not possible now.
    /// - Throws: `ChannelError.closed`.
    @inlinable
    public func trySend(_ item: sending Element) throws(ChannelError) -> Bool {
        var place: Element? = item
        return try sendAtOnce(from: &place)
    }

    // MARK: Receiving

    /// Takes the oldest item, waiting while there is none.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `TimedOut` past the limit, `ChannelError.closed` once closed and
    ///   drained, `CancellationError`.
    /// - Source: gevent's `Channel.get`.
    @available(*, noasync)
    @inlinable
    public func receive(within limit: Duration? = nil) throws -> sending Element {
        var place: Element?
        if try receiveAtOnce(into: &place) { return unsafe unsafelyTaken(&place) }
        let outcome = unsafe withUnsafeMutablePointer(to: &place) { slot in
            unsafe Parking.block(
                on: WaitTarget("Channel.receive", self), slot: UnsafeMutableRawPointer(slot),
                until: Deadline(within: limit), enrol: { self.enrolReceiver($0) },
                withdraw: { self.withdrawReceiver($0) })
        }
        try finishReceive(outcome, isEmpty: place == nil)
        return unsafe unsafelyTaken(&place)
    }

    /// Takes the oldest item, suspending the calling task while there is none.
    @inlinable
    public func receive(within limit: Duration? = nil) async throws -> sending Element {
        var item: Element?
        if try receiveAtOnce(into: &item) { return unsafe unsafelyTaken(&item) }
        if try spinToReceive(into: &item, within: limit) { return unsafe unsafelyTaken(&item) }
        let place = ItemPlace<Element>(nil)
        let outcome = unsafe await Parking.suspend(
            on: WaitTarget("Channel.receive", self), slot: place.address,
            until: Deadline(within: limit), enrol: { self.enrolReceiver($0) },
            withdraw: { self.withdrawReceiver($0) })
        item = place.take()
        try finishReceive(outcome, isEmpty: item == nil)
        return unsafe unsafelyTaken(&item)
    }

    /// Takes the oldest item, which may be that of a waiting sender. Never waits.
    /// - Returns: Nil when there is none.
    /// - Throws: `ChannelError.closed` once closed and drained.
    @inlinable
    public func tryReceive() throws(ChannelError) -> sending Element? {
        var item: Element?
        _ = try receiveAtOnce(into: &item)
        nonisolated(unsafe) let taken = item
        return unsafe taken
    }

    // MARK: Ending

    /// Refuses further items. Senders get `ChannelError.closed`; senders that wait get it too, and
    /// their items are not sent. Receivers still get the stored items, and then
    /// `ChannelError.closed`. A second call does nothing.
    ///
    /// Never blocks. Both sides may call it.
    /// - Source: Go's `close`. Sending on a closed channel panics there and throws here.
    public func close() {
        guardLock.lock()
        var claimed = ClaimedWaiters()
        // Their places are unchanged: a receiver's is empty, and a sender's holds its item.
        while let waiter = unsafe state.close() { claimed.append(waiter) }
        guardLock.unlock()
        claimed.unparkAll()
    }
}

extension Channel: CustomStringConvertible {
    /// Such as `Channel(3 of 8 items, jobs)`.
    public var description: String {
        let (count, isClosed) = guardLock.withLock { unsafe (state.items.count, state.isClosed) }
        return "Channel(\(count) of \(capacity) items\(isClosed ? ", closed" : ""), \(label))"
    }
}

extension Channel: LabelledObject {}
