internal import PlaitProcesses
internal import PlaitSync

/// A condition in a ``Manager``, with a recursive lock of its own.
///
/// Waiters are served first come, first served.
/// - Source: Python's `SyncManager.Condition`.
public struct ManagedCondition: Codable, Hashable, Sendable {
    let object: Managed<ConditionStore>

    init(_ object: Managed<ConditionStore>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

/// The condition and its lock in their manager.
final class ConditionStore: ManagedType {
    let lock = LockStore<RecursiveLock>(Nothing())
    /// One event for each waiter, oldest first.
    private var waiters: [Event] = []

    init(_ nothing: Nothing) {}

    func wait(_ caller: ManagedCaller, within limit: Duration?) throws -> Bool {
        try lock.demandHeld(by: caller)
        let told = Event()
        waiters.append(told)
        let depth = lock.releaseAll(caller)
        var wasTold = false
        var failure: (any Error)?
        do {
            wasTold = try told.wait(within: limit)
        } catch {
            failure = error
            // The notification of this waiter goes to the next.
            if told.isSet { notify(1) }
        }
        waiters.removeAll { $0 === told }
        if try lock.retake(caller, depth: depth) { failure = failure ?? CancellationError() }
        if let failure { throw failure }
        return wasTold
    }

    func notify(_ count: Int) {
        let told = waiters.prefix(count)
        waiters.removeFirst(told.count)
        for waiter in told { waiter.set() }
    }

    var waiting: Int { waiters.count }
}

extension ConditionStore {
    struct Acquire: CallerCall, LimitedCall, ReturnedCall {
        let limit: Duration?
        static var mayWait: Bool { true }

        func run(on store: ConditionStore, for caller: ManagedCaller) throws -> Bool {
            try store.lock.take(caller, within: limit) != nil
        }

        func runAtOnce(on store: ConditionStore, for caller: ManagedCaller) throws -> Bool? {
            try store.lock.tryTake(caller) == nil ? nil : true
        }

        var outputPastLimit: Bool { false }

        func returning(_ isTaken: Bool) -> Release? { isTaken ? Release() : nil }
    }

    struct Release: CallerCall {
        func run(on store: ConditionStore, for caller: ManagedCaller) throws -> Nothing {
            try store.lock.release(caller)
            return Nothing()
        }
    }

    struct Wait: CallerCall {
        let limit: Duration?
        static var mayWait: Bool { true }

        func run(on store: ConditionStore, for caller: ManagedCaller) throws -> Bool {
            try store.wait(caller, within: limit)
        }
    }

    struct Notify: CallerCall {
        /// How many waiters to notify; nil notifies all.
        let count: Int?

        func run(on store: ConditionStore, for caller: ManagedCaller) throws -> Nothing {
            try store.lock.demandHeld(by: caller)
            store.notify(max(0, count ?? store.waiting))
            return Nothing()
        }
    }

    struct Waiting: ManagedCall {
        func run(on store: ConditionStore) -> Int { store.waiting }
    }
}

extension ManagedCondition {
    typealias Store = ConditionStore

    /// Takes the lock. Waits while somebody holds it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: ``ManagerDied``; `CancellationError`, and the caller does not hold the lock then.
    @available(*, noasync)
    public func acquire() throws {
        _ = try object.call(Store.Acquire(limit: nil))
    }

    /// Takes the lock, waiting at most `limit`. Returns false when the limit passed first.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> Bool {
        try object.call(Store.Acquire(limit: limit))
    }

    /// Gives the lock back.
    ///
    /// - Throws: ``ManagerError/notHeld``; ``ManagerDied``.
    @available(*, noasync)
    public func release() throws {
        _ = try object.call(Store.Release())
    }

    /// Gives the lock back, waits for a notification, and takes the lock again. Returns false when
    /// the limit passed first.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: ``ManagerError/notHeld``; ``ManagerDied``; `CancellationError`, and the caller
    ///   holds the lock then.
    @available(*, noasync)
    @discardableResult
    public func wait(within limit: Duration? = nil) throws -> Bool {
        try object.call(Store.Wait(limit: limit))
    }

    /// Wakes the `count` oldest waiters.
    ///
    /// - Throws: ``ManagerError/notHeld``; ``ManagerDied``.
    @available(*, noasync)
    public func notify(_ count: Int = 1) throws {
        _ = try object.call(Store.Notify(count: count))
    }

    /// Wakes all waiters.
    ///
    /// - Throws: ``ManagerError/notHeld``; ``ManagerDied``.
    @available(*, noasync)
    public func notifyAll() throws {
        _ = try object.call(Store.Notify(count: nil))
    }

    /// How many strands wait for a notification.
    @available(*, noasync)
    public func waiting() throws -> Int {
        try object.call(Store.Waiting())
    }

    /// Runs `body` holding the lock.
    @available(*, noasync)
    public func withLock<Result>(_ body: () throws -> Result) throws -> Result {
        try acquire()
        let result: Result
        do {
            result = try body()
        } catch {
            try? release()
            throw error
        }
        try release()
        return result
    }
}
