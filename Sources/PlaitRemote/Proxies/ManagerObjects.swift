internal import PlaitProcesses

// Objects that a manager makes: each lives as long as a reference to it, in any process; one with a
// name as long as the manager, and is found by it.
extension Manager {
    /// A dictionary: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func dictionary<Key: Codable & Hashable & Sendable, Value: Codable & Sendable>(
        named name: String? = nil, _ items: [Key: Value] = [:]
    ) throws -> ManagedDictionary<Key, Value> {
        ManagedDictionary<Key, Value>(try object(DictionaryStore<Key, Value>.self, name, items))
    }

    /// A list: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func list<Element: Codable & Sendable>(
        named name: String? = nil, _ items: [Element] = []
    ) throws -> ManagedList<Element> {
        ManagedList<Element>(try object(ListStore<Element>.self, name, items))
    }

    /// A set: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func set<Element: Codable & Hashable & Sendable>(
        named name: String? = nil, _ items: Set<Element> = []
    ) throws -> ManagedSet<Element> {
        ManagedSet<Element>(try object(SetStore<Element>.self, name, items))
    }

    /// A value: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func value<Value: Codable & Sendable>(named name: String? = nil, _ value: Value) throws
        -> ManagedValue<Value>
    {
        ManagedValue<Value>(try object(ValueStore<Value>.self, name, value))
    }

    /// An array of a fixed size: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func array<Element: Codable & Sendable>(named name: String? = nil, _ items: [Element])
        throws -> ManagedArray<Element>
    {
        ManagedArray<Element>(try object(ArrayStore<Element>.self, name, items))
    }

    /// A namespace: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func namespace(named name: String? = nil) throws -> ManagedNamespace {
        ManagedNamespace(try object(NamespaceStore.self, name, Nothing()))
    }

    /// A queue: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func queue<Element: Codable & Sendable>(named name: String? = nil, capacity: Int) throws
        -> ManagedQueue<Element>
    {
        ManagedQueue<Element>(try object(QueueStore<Element>.self, name, capacity))
    }

    /// A lock: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func lock(named name: String? = nil) throws -> ManagedLock {
        ManagedLock(try object(LockStore<PlainLock>.self, name, Nothing()))
    }

    /// A recursive lock: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func recursiveLock(named name: String? = nil) throws -> ManagedRLock {
        ManagedRLock(try object(LockStore<RecursiveLock>.self, name, Nothing()))
    }

    /// A semaphore: a new one, or the one of a name. A bounded one takes back no more than it gave.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func semaphore(named name: String? = nil, permits: Int, isBounded: Bool = false) throws
        -> ManagedSemaphore
    {
        ManagedSemaphore(
            try object(
                SemaphoreStore.self, name,
                SemaphoreStore.Input(permits: permits, isBounded: isBounded)))
    }

    /// An event: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func event(named name: String? = nil, isSet: Bool = false) throws -> ManagedEvent {
        ManagedEvent(try object(EventStore.self, name, isSet))
    }

    /// A condition: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func condition(named name: String? = nil) throws -> ManagedCondition {
        ManagedCondition(try object(ConditionStore.self, name, Nothing()))
    }

    /// A barrier: a new one, or the one of a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func barrier(named name: String? = nil, parties: Int) throws -> ManagedBarrier {
        ManagedBarrier(try object(BarrierStore.self, name, parties))
    }
}
