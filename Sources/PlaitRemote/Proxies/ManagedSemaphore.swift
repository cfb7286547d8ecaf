internal import PlaitProcesses
internal import PlaitSync

/// A semaphore in a ``Manager``.
///
/// Waiters are served first come, first served. If a process ends with a permit, the permit is
/// lost.
/// - Source: Python's `SyncManager.Semaphore`, `BoundedSemaphore`.
public struct ManagedSemaphore: Codable, Hashable, Sendable {
    let object: Managed<SemaphoreStore>

    init(_ object: Managed<SemaphoreStore>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

/// The semaphore in its manager.
final class SemaphoreStore: ManagedType {
    typealias Store = SemaphoreStore

    struct Input: Codable, Sendable {
        let permits: Int
        let isBounded: Bool
    }

    let semaphore: CountingSemaphore
    let bound: Int

    init(_ input: Input) throws {
        guard input.permits >= 0 else {
            throw ManagerError.badNumber("a semaphore needs permits >= 0, not \(input.permits)")
        }
        semaphore = CountingSemaphore(permits: input.permits)
        bound = input.isBounded ? input.permits : .max
    }
}

extension SemaphoreStore {
    struct TryAcquire: ManagedCall {
        func run(on store: Store) throws -> Bool {
            store.semaphore.tryAcquire()
        }
    }

    struct Acquire: LimitedCall, ReturnedCall {
        let limit: Duration?
        static var mayWait: Bool { true }

        func run(on store: Store) throws -> Bool {
            try store.semaphore.acquire(within: limit)
        }

        func runAtOnce(on store: Store, for caller: ManagedCaller) throws -> Bool? {
            store.semaphore.tryAcquire() ? true : nil
        }

        var outputPastLimit: Bool { false }

        func returning(_ isTaken: Bool) -> Release? { isTaken ? Release(count: 1) : nil }
    }

    struct Release: ManagedCall {
        let count: Int

        func run(on store: Store) throws -> Nothing {
            guard count >= 1 else {
                throw ManagerError.badNumber("release of \(count) permits; give 1 or more")
            }
            guard count <= store.bound - store.semaphore.permits else {
                throw ManagerError.tooManyReleases(bound: store.bound)
            }
            store.semaphore.release(count)
            return Nothing()
        }
    }

    struct Permits: ManagedCall {
        func run(on store: Store) throws -> Int {
            store.semaphore.permits
        }
    }
}

extension ManagedSemaphore {
    typealias Store = SemaphoreStore

    /// Takes a permit if one is free.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func tryAcquire() throws -> Bool {
        try object.call(Store.TryAcquire())
    }

    /// Takes a permit. Waits while none is free.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: ``ManagerDied``; `CancellationError`, and no permit is taken then.
    @available(*, noasync)
    public func acquire() throws {
        _ = try object.call(Store.Acquire(limit: nil))
    }

    /// Takes a permit, waiting at most `limit`. Returns false when the limit passed first.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> Bool {
        try object.call(Store.Acquire(limit: limit))
    }

    /// Gives back permits.
    ///
    /// - Throws: ``ManagerError/tooManyReleases(bound:)`` if the semaphore is bounded; nothing is
    ///   given back then.
    @available(*, noasync)
    public func release(_ count: Int = 1) throws {
        _ = try object.call(Store.Release(count: count))
    }

    /// How many permits nobody holds.
    @available(*, noasync)
    public func permits() throws -> Int {
        try object.call(Store.Permits())
    }
}
