public import PlaitProcesses

/// A lock of a ``Manager``, held by a strand or task of some process.
///
/// When the holder's process ends, the next one gets it and is told. Those who wait are served
/// first come, first served; one whose process ends, or that is cancelled, leaves its place. Not
/// recursive.
/// - Source: Python's `SyncManager.Lock`, which its holder's death leaves locked for ever.
public typealias ManagedLock = ManagedMutex<PlainLock>

/// A lock of a ``Manager`` that its holder may take again, and gives back as often.
///
/// As ``ManagedLock`` else.
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
    /// How it was come by.
    public typealias Acquisition = ProcessLock.Acquisition
    typealias Store = LockStore<Kind>

    /// Takes it if nobody holds it; nil if somebody does.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func tryAcquire() throws -> Acquisition? {
        try object.call(Store.TryAcquire())
    }

    /// Takes it, waiting while somebody holds it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: ``ManagerError``; ``ManagerDied``; `CancellationError`: it is not held then.
    @available(*, noasync)
    @discardableResult
    public func acquire() throws -> Acquisition {
        try object.call(Store.Acquire())
    }

    /// Takes it, waiting at most `limit`; nil when that passed first.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> Acquisition? {
        try object.call(Store.AcquireWithin(limit: limit))
    }

    /// Gives it back.
    ///
    /// - Throws: ``ManagerError/notHeld`` where the calling strand or task does not hold it.
    @available(*, noasync)
    public func release() throws {
        _ = try object.call(Store.Release())
    }

    /// Runs `body` holding it.
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
