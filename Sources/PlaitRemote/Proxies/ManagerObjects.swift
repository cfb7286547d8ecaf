internal import PlaitProcesses

// Objects that a manager makes. An object lives as long as there is a reference to it, in any
// process. An object with a name lives as long as the manager, and can be found by its name.
extension Manager {
    /// Makes a dictionary, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func dictionary<Key: Codable & Hashable & Sendable, Value: Codable & Sendable>(
        named name: String? = nil, _ items: [Key: Value] = [:]
    ) throws -> ManagedDictionary<Key, Value> {
        ManagedDictionary<Key, Value>(try object(DictionaryStore<Key, Value>.self, name, items))
    }

    /// Makes a list, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func list<Element: Codable & Sendable>(
        named name: String? = nil, _ items: [Element] = []
    ) throws -> ManagedList<Element> {
        ManagedList<Element>(try object(ListStore<Element>.self, name, items))
    }

    /// Makes a set, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func set<Element: Codable & Hashable & Sendable>(
        named name: String? = nil, _ items: Set<Element> = []
    ) throws -> ManagedSet<Element> {
        ManagedSet<Element>(try object(SetStore<Element>.self, name, items))
    }

    /// Makes a value, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func value<Value: Codable & Sendable>(named name: String? = nil, _ value: Value) throws
        -> ManagedValue<Value>
    {
        ManagedValue<Value>(try object(ValueStore<Value>.self, name, value))
    }

    /// Makes an array of a fixed size, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func array<Element: Codable & Sendable>(named name: String? = nil, _ items: [Element])
        throws -> ManagedArray<Element>
    {
        ManagedArray<Element>(try object(ArrayStore<Element>.self, name, items))
    }

    /// Makes a namespace, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func namespace(named name: String? = nil) throws -> ManagedNamespace {
        ManagedNamespace(try object(NamespaceStore.self, name, Nothing()))
    }

    /// Makes a queue, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func queue<Element: Codable & Sendable>(named name: String? = nil, capacity: Int) throws
        -> ManagedQueue<Element>
    {
        ManagedQueue<Element>(try object(QueueStore<Element>.self, name, capacity))
    }

    /// Makes a lock, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func lock(named name: String? = nil) throws -> ManagedLock {
        ManagedLock(try object(LockStore<PlainLock>.self, name, Nothing()))
    }

    /// Makes a recursive lock, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func recursiveLock(named name: String? = nil) throws -> ManagedRLock {
        ManagedRLock(try object(LockStore<RecursiveLock>.self, name, Nothing()))
    }

    /// Makes a semaphore, or finds the one with a name. A bounded semaphore takes back no more
    /// permits than it gave.
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

    /// Makes an event, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func event(named name: String? = nil, isSet: Bool = false) throws -> ManagedEvent {
        ManagedEvent(try object(EventStore.self, name, isSet))
    }

    /// Makes a condition, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func condition(named name: String? = nil) throws -> ManagedCondition {
        ManagedCondition(try object(ConditionStore.self, name, Nothing()))
    }

    /// Makes a barrier, or finds the one with a name.
    /// - Throws: ``ManagerError``; ``ManagerDied``.
    @available(*, noasync)
    public func barrier(named name: String? = nil, parties: Int) throws -> ManagedBarrier {
        ManagedBarrier(try object(BarrierStore.self, name, parties))
    }
}
