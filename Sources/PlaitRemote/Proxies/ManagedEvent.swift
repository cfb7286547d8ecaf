internal import PlaitProcesses
internal import PlaitSync

/// A flag in a ``Manager``. Strands of any process can wait for it.
/// - Source: Python's `SyncManager.Event`.
public struct ManagedEvent: Codable, Hashable, Sendable {
    let object: Managed<EventStore>

    init(_ object: Managed<EventStore>) { self.object = object }

    public init(from decoder: any Decoder) throws { object = try Managed(from: decoder) }

    public func encode(to encoder: any Encoder) throws { try object.encode(to: encoder) }
}

/// The event in its manager.
final class EventStore: ManagedType {
    typealias Store = EventStore
    let event: Event

    init(_ isSet: Bool) { event = Event(isSet: isSet) }
}

extension EventStore {
    struct Set: ManagedCall {
        func run(on store: Store) throws -> Nothing {
            store.event.set()
            return Nothing()
        }
    }

    struct Clear: ManagedCall {
        func run(on store: Store) throws -> Nothing {
            store.event.clear()
            return Nothing()
        }
    }

    struct IsSet: ManagedCall {
        func run(on store: Store) throws -> Bool {
            store.event.isSet
        }
    }

    struct Wait: LimitedCall {
        let limit: Duration?
        static var mayWait: Bool { true }

        func run(on store: Store) throws -> Bool {
            try store.event.wait(within: limit)
        }

        func runAtOnce(on store: Store, for caller: ManagedCaller) throws -> Bool? {
            store.event.isSet ? true : nil
        }

        var outputPastLimit: Bool { false }
    }
}

extension ManagedEvent {
    typealias Store = EventStore

    /// Sets the flag, and lets all waiters go on.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func set() throws {
        _ = try object.call(Store.Set())
    }

    /// Clears the flag, so that later waits block again.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func clear() throws {
        _ = try object.call(Store.Clear())
    }

    /// Whether the flag is set.
    ///
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func isSet() throws -> Bool {
        try object.call(Store.IsSet())
    }

    /// Waits until the flag is set. Returns false when the limit passed first.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    @available(*, noasync)
    @discardableResult
    public func wait(within limit: Duration? = nil) throws -> Bool {
        try object.call(Store.Wait(limit: limit))
    }
}
