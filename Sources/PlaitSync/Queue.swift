public import PlaitParking
public import PlaitPlatform

/// Why a ``Queue`` did not take or give an item.
public enum QueueError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No item came within the limit.
    case empty
    /// No place became free within the limit.
    case full
    /// ``Queue/shutDown(immediately:)`` was called: nothing more is taken, and nothing is left.
    case shutDown

    public var description: String {
        switch self {
        case .empty: "the queue stayed empty within the limit; wait longer or put an item"
        case .full: "the queue stayed full within the limit; wait longer or get an item"
        case .shutDown: "the queue was shut down"
        }
    }
}

/// A first-in, first-out queue between threads, fibers and tasks.
///
/// Getters wait while it is empty, putters while it is full; both are served first come, first
/// served. An item put while someone waits is handed to that waiter directly.
/// - Source: Python's `queue.Queue`.
public final class Queue<Element>: @unchecked Sendable {
    // Sendable: `guardLock` guards `state`; items are sent in and out.
    @usableFromInline let guardLock = ShortLock()
    @exclusivity(unchecked) @usableFromInline var state: QueueState<Element, WaitQueue>

    /// - Parameter capacity: Items it holds before putters wait; at least 1.
    public init(capacity: Int) {
        demand(capacity >= 1, "a Queue needs a capacity of at least 1, not \(capacity)")
        unsafe state = QueueState(capacity: capacity)
    }

    /// A queue whose putters never wait: memory is its only limit. Prefer a capacity.
    public static func unbounded() -> Queue { Queue(capacity: .max) }

    public var capacity: Int { unsafe state.capacity }
    /// Items in it at this moment.
    public var count: Int { guardLock.withLock { unsafe state.items.count } }
    public var isEmpty: Bool { count == 0 }
    public var isFull: Bool { count >= capacity }
    public var isShutDown: Bool { guardLock.withLock { unsafe state.isShutDown } }

    // MARK: Putting

    /// Adds an item, waiting while the queue is full.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `QueueError.full` past the limit, `QueueError.shutDown`, `CancellationError`. The
    ///   item is not in the queue then.
    /// - Source: Python's `Queue.put`.
    @available(*, noasync)
    @inlinable
    public func put(_ item: sending Element, within limit: Duration? = nil) throws {
        if try putAtOnce(item) { return }
        var place: Element? = item
        let outcome = unsafe withUnsafeMutablePointer(to: &place) { slot in
            unsafe Parking.block(
                on: WaitTarget("Queue.put", self), slot: UnsafeMutableRawPointer(slot),
                until: Deadline(within: limit), enrol: { self.enrolPutter($0) },
                withdraw: { self.withdrawPutter($0) })
        }
        try finishPut(outcome, isTaken: place == nil)
    }

    /// Adds an item, suspending the calling task while the queue is full.
    @inlinable
    public func put(_ item: sending Element, within limit: Duration? = nil) async throws {
        if try putAtOnce(item) { return }
        let place = ItemPlace<Element>(item)
        let outcome = unsafe await Parking.suspend(
            on: WaitTarget("Queue.put", self), slot: place.address,
            until: Deadline(within: limit), enrol: { self.enrolPutter($0) },
            withdraw: { self.withdrawPutter($0) })
        try finishPut(outcome, isTaken: place.take() == nil)
    }

    /// Adds an item if there is place for it. Never waits.
    /// - Returns: False when the queue is full.
    /// - Throws: `QueueError.shutDown`.
    @inlinable
    public func tryPut(_ item: sending Element) throws(QueueError) -> Bool {
        try putAtOnce(item)
    }

    // MARK: Getting

    /// Takes the oldest item, waiting while the queue is empty.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `QueueError.empty` past the limit, `QueueError.shutDown` once shut down and
    ///   drained, `CancellationError`.
    /// - Source: Python's `Queue.get`.
    @available(*, noasync)
    @inlinable
    public func get(within limit: Duration? = nil) throws -> sending Element {
        var place: Element?
        if try getAtOnce(into: &place) { return unsafe unsafelyTaken(&place) }
        let outcome = unsafe withUnsafeMutablePointer(to: &place) { slot in
            unsafe Parking.block(
                on: WaitTarget("Queue.get", self), slot: UnsafeMutableRawPointer(slot),
                until: Deadline(within: limit), enrol: { self.enrolGetter($0) },
                withdraw: { self.withdrawGetter($0) })
        }
        try finishGet(outcome, isEmpty: place == nil)
        return unsafe unsafelyTaken(&place)
    }

    /// Takes the oldest item, suspending the calling task while the queue is empty.
    @inlinable
    public func get(within limit: Duration? = nil) async throws -> sending Element {
        var item: Element?
        if try getAtOnce(into: &item) { return unsafe unsafelyTaken(&item) }
        let place = ItemPlace<Element>(nil)
        let outcome = unsafe await Parking.suspend(
            on: WaitTarget("Queue.get", self), slot: place.address,
            until: Deadline(within: limit), enrol: { self.enrolGetter($0) },
            withdraw: { self.withdrawGetter($0) })
        item = place.take()
        try finishGet(outcome, isEmpty: item == nil)
        return unsafe unsafelyTaken(&item)
    }

    /// Takes the oldest item if there is one. Never waits.
    /// - Throws: `QueueError.shutDown` once shut down and drained.
    @inlinable
    public func tryGet() throws(QueueError) -> sending Element? {
        var item: Element?
        _ = try getAtOnce(into: &item)
        nonisolated(unsafe) let taken = item
        return unsafe taken
    }

    // MARK: Ending

    /// Refuses further items: putters get `QueueError.shutDown`. Getters still get what is there,
    /// then the same; with `immediately`, what is there is dropped.
    /// - Source: Python 3.13's `Queue.shutdown`.
    public func shutDown(immediately: Bool = false) {
        let ended = guardLock.withLock { unsafe state.shutDown(immediately: immediately) }
        // Their places hold what they held: nothing for a getter, the item for a putter.
        for waiter in ended.getters + ended.putters { waiter.unpark() }
    }
}
