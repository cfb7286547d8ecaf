internal import PlaitProcesses
internal import PlaitSync

/// A first-in, first-out queue in a ``Manager``.
///
/// It is slower than a `ProcessQueue`, but it can be sent anywhere, stored in other objects, and
/// used over networks. Waiters are served first come, first served. A waiter whose process ends
/// leaves its place.
/// - Source: Python's `SyncManager.Queue`, `JoinableQueue`.
public struct ManagedQueue<Element: Codable & Sendable>: Codable, Hashable, Sendable {
    let object: Managed<QueueStore<Element>>

    init(_ object: Managed<QueueStore<Element>>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

/// The queue in its manager.
final class QueueStore<Element: Codable & Sendable>: ManagedType {
    typealias Store = QueueStore
    let queue: Queue<Element>

    init(_ capacity: Int) throws {
        guard capacity > 0 else {
            throw ManagerError.badNumber("a queue needs a capacity of 1 or more, not \(capacity)")
        }
        queue = Queue(capacity: capacity)
    }

    /// Items that come before those of the queue.
    private(set) var putBack: [Element] = []

    func tryGet() throws -> Element? {
        putBack.isEmpty ? try queue.tryGet() : putBack.removeFirst()
    }

    func putBack(_ item: Element) {
        // Getters wait only while the queue is empty.
        if queue.isEmpty, (try? queue.tryPut(item)) == true {
            // The item counts as unfinished only once, since its first put.
            queue.taskDone()
            return
        }
        putBack.append(item)
    }
}

extension QueueStore {
    struct Put: LimitedCall {
        let item: Element
        let limit: Duration?
        static var mayWait: Bool { true }

        func run(on store: Store) throws -> Bool {
            try store.queue.put(item, within: limit)
        }

        func runAtOnce(on store: Store, for caller: ManagedCaller) throws -> Bool? {
            try store.queue.tryPut(item) ? true : nil
        }

        var outputPastLimit: Bool { false }
    }

    struct Get: ReturnedCall {
        let limit: Duration?
        static var mayWait: Bool { true }

        func run(on store: Store) throws -> Element {
            try store.queue.get(within: limit)
        }

        func runAtOnce(on store: Store, for caller: ManagedCaller) throws -> Element? {
            try store.tryGet()
        }

        func returning(_ item: Element) -> PutBack? { PutBack(item: item) }
    }

    /// Puts back an item whose getter left before the item came.
    struct PutBack: ManagedCall {
        let item: Element

        func run(on store: Store) throws -> Nothing {
            store.putBack(item)
            return Nothing()
        }
    }

    struct TryGet: ManagedCall {
        func run(on store: Store) throws -> Element? {
            try store.tryGet()
        }
    }

    struct TaskDone: ManagedCall {
        func run(on store: Store) throws -> Nothing {
            guard store.queue.unfinishedCount > 0 else { throw ManagerError.tooManyDone }
            store.queue.taskDone()
            return Nothing()
        }
    }

    struct Join: LimitedCall {
        let limit: Duration?
        static var mayWait: Bool { true }

        func run(on store: Store) throws -> Bool {
            try store.queue.join(within: limit)
        }

        func runAtOnce(on store: Store, for caller: ManagedCaller) throws -> Bool? {
            store.queue.unfinishedCount == 0 ? true : nil
        }

        var outputPastLimit: Bool { false }
    }

    struct Count: ManagedCall {
        func run(on store: Store) throws -> Int {
            store.queue.count + store.putBack.count
        }
    }

    struct IsFull: ManagedCall {
        func run(on store: Store) throws -> Bool {
            store.queue.isFull
        }
    }

    struct ShutDown: ManagedCall {
        let isImmediate: Bool

        func run(on store: Store) throws -> Nothing {
            store.queue.shutDown(immediately: isImmediate)
            return Nothing()
        }
    }
}

extension ManagedQueue {
    typealias Store = QueueStore<Element>

    /// Adds an item. Waits while the queue is full.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `QueueError.shutDown`; ``ManagerDied``; `CancellationError`. The item is not in
    ///   the queue then. But if the manager did not answer, it may still put the item later.
    @available(*, noasync)
    public func put(_ item: Element) throws {
        _ = try object.call(Store.Put(item: item, limit: nil))
    }

    /// Adds an item, waiting for at most the limit while the queue is full.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Returns: False when the limit passed first. The item is not in the queue then. But if the
    ///   manager did not answer, it may still put the item later.
    /// - Throws: As ``put(_:)``.
    @available(*, noasync)
    public func put(_ item: Element, within limit: Duration?) throws -> Bool {
        try object.call(Store.Put(item: item, limit: limit))
    }

    /// Takes the oldest item. Waits while the queue is empty.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `TimedOut` past the limit, `QueueError.shutDown` once shut down and drained;
    ///   ``ManagerDied``; `CancellationError`, and no item is taken then.
    @available(*, noasync)
    public func get(within limit: Duration? = nil) throws -> Element {
        try object.call(Store.Get(limit: limit))
    }

    /// Adds an item if there is room for it. Returns false if not.
    ///
    /// - Throws: `QueueError.shutDown`; ``ManagerDied``.
    @available(*, noasync)
    @discardableResult
    public func tryPut(_ item: Element) throws -> Bool {
        try object.call(Store.Put(item: item, limit: .zero))
    }

    /// Takes the oldest item if there is one; nil if not.
    ///
    /// - Throws: `QueueError.shutDown` once shut down and drained; ``ManagerDied``.
    @available(*, noasync)
    public func tryGet() throws -> Element? {
        try object.call(Store.TryGet())
    }

    /// Says that an item is done. Call it once for each item that you got.
    ///
    /// - Throws: ``ManagerError/tooManyDone``.
    @available(*, noasync)
    public func taskDone() throws {
        _ = try object.call(Store.TaskDone())
    }

    /// Waits until every item that was put is done. Returns false when the limit passed first.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    @available(*, noasync)
    @discardableResult
    public func join(within limit: Duration? = nil) throws -> Bool {
        try object.call(Store.Join(limit: limit))
    }

    /// How many items are in it at this moment.
    @available(*, noasync)
    public func count() throws -> Int {
        try object.call(Store.Count())
    }

    /// Whether it is full at this moment.
    @available(*, noasync)
    public func isFull() throws -> Bool {
        try object.call(Store.IsFull())
    }

    /// Refuses further items. With `immediately`, drops the items that are there.
    @available(*, noasync)
    public func shutDown(immediately: Bool = false) throws {
        _ = try object.call(Store.ShutDown(isImmediate: immediately))
    }
}
