internal import PlaitProcesses
internal import PlaitSync

/// A barrier in a ``Manager``, at which a fixed number of strands of any processes wait for each
/// other.
/// - Source: Python's `SyncManager.Barrier`.
public struct ManagedBarrier: Codable, Hashable, Sendable {
    let object: Managed<BarrierStore>

    init(_ object: Managed<BarrierStore>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

/// The barrier in its manager.
final class BarrierStore: ManagedType {
    typealias Store = BarrierStore
    let barrier: Barrier

    init(_ parties: Int) throws {
        guard parties > 0 else {
            throw ManagerError.badNumber("a barrier needs 1 party or more, not \(parties)")
        }
        barrier = Barrier(parties: parties)
    }
}

extension BarrierStore {
    struct Wait: ManagedCall {
        let limit: Duration?
        static var mayWait: Bool { true }

        func run(on store: Store) throws -> Int {
            try store.barrier.wait(within: limit)
        }
    }

    struct Abort: ManagedCall {
        func run(on store: Store) throws -> Nothing {
            store.barrier.abort()
            return Nothing()
        }
    }

    struct Reset: ManagedCall {
        func run(on store: Store) throws -> Nothing {
            store.barrier.reset()
            return Nothing()
        }
    }

    struct Look: ManagedCall {
        func run(on store: Store) throws -> State {
            State(
                parties: store.barrier.parties, waiting: store.barrier.waiting,
                isBroken: store.barrier.isBroken)
        }
    }

    struct State: Codable, Sendable {
        let parties: Int
        let waiting: Int
        let isBroken: Bool
    }
}

extension ManagedBarrier {
    typealias Store = BarrierStore

    /// Waits for the other parties. Returns a different number to each party, and 0 to the one that
    /// arrived last.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever. Past it, the barrier is broken.
    /// - Throws: `BarrierError.broken`; ``ManagerDied``; `CancellationError`. A party whose process
    ///   ends leaves its place to another.
    @available(*, noasync)
    @discardableResult
    public func wait(within limit: Duration? = nil) throws -> Int {
        try object.call(Store.Wait(limit: limit))
    }

    /// Breaks the barrier. All waits throw `BarrierError.broken`, present and later ones.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func abort() throws {
        _ = try object.call(Store.Abort())
    }

    /// Makes the barrier as new. Present waits throw `BarrierError.broken`.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func reset() throws {
        _ = try object.call(Store.Reset())
    }

    /// How many parties make a pass.
    @available(*, noasync)
    public func parties() throws -> Int { try object.call(Store.Look()).parties }

    /// How many parties have arrived and wait.
    @available(*, noasync)
    public func waiting() throws -> Int { try object.call(Store.Look()).waiting }

    /// Whether every wait throws `BarrierError.broken`.
    @available(*, noasync)
    public func isBroken() throws -> Bool { try object.call(Store.Look()).isBroken }
}
