public import PlaitProcesses

/// A lock in a ``Manager``, which a strand or task of any process can hold.
///
/// When the holder's process ends, the next waiter gets the lock and learns of it. Waiters are
/// served first come, first served. A waiter that is cancelled, or whose process ends, leaves its
/// place. The lock is not recursive.
/// - Source: Python's `SyncManager.Lock`, which stays locked for ever when its holder dies.
public typealias ManagedLock = ManagedMutex<PlainLock>

/// A lock in a ``Manager`` that its holder may take again, and must give back as often.
///
/// Otherwise it works as ``ManagedLock`` does.
/// - Source: Python's `SyncManager.RLock`.
public typealias ManagedRLock = ManagedMutex<RecursiveLock>

/// Whether a lock's holder may take it again.
public protocol LockKind: Sendable {
    static var isRecursive: Bool { get }
}

public enum PlainLock: LockKind {
    public static var isRecursive: Bool { false }
}

public enum RecursiveLock: LockKind {
    public static var isRecursive: Bool { true }
}

/// A ``ManagedLock`` or a ``ManagedRLock``.
public struct ManagedMutex<Kind: LockKind>: Codable, Hashable, Sendable {
    let object: Managed<LockStore<Kind>>

    init(_ object: Managed<LockStore<Kind>>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

extension ManagedMutex {
    /// How the lock was obtained.
    public typealias Acquisition = ProcessLock.Acquisition
    typealias Store = LockStore<Kind>

    /// Takes the lock if nobody holds it. Returns nil if somebody does.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func tryAcquire() throws -> Acquisition? {
        try object.call(Store.TryAcquire())
    }

    /// Takes the lock. Waits while somebody holds it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: ``ManagerError``; ``ManagerDied``; `CancellationError`, and the caller does not
    ///   hold the lock then.
    @available(*, noasync)
    @discardableResult
    public func acquire() throws -> Acquisition {
        try object.call(Store.Acquire())
    }

    /// Takes the lock, waiting at most `limit`. Returns nil when the limit passed first.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> Acquisition? {
        try object.call(Store.AcquireWithin(limit: limit))
    }

    /// Gives the lock back.
    ///
    /// - Throws: ``ManagerError/notHeld`` if the calling strand or task does not hold the lock.
    @available(*, noasync)
    public func release() throws {
        _ = try object.call(Store.Release())
    }

    /// Runs `body` holding the lock.
    @available(*, noasync)
    public func withLock<Result>(_ body: (Acquisition) throws -> Result) throws -> Result {
        let acquisition = try acquire()
        let result: Result
        do {
            result = try body(acquisition)
        } catch {
            try? release()
            throw error
        }
        try release()
        return result
    }
}
