// Written by scripts/faces from ManagerObjects.swift: change that, and run it again.

internal import PlaitProcesses

extension Manager {
    /// As ``dictionary(named:_:)``, suspending the calling task.
    public func dictionary<Key: Codable & Hashable & Sendable, Value: Codable & Sendable>(
        named name: String? = nil, _ items: [Key: Value] = [:]
    ) async throws -> ManagedDictionary<Key, Value> {
        ManagedDictionary<Key, Value>(
            try await object(DictionaryStore<Key, Value>.self, name, items))
    }

    /// As ``list(named:_:)``, suspending the calling task.
    public func list<Element: Codable & Sendable>(
        named name: String? = nil, _ items: [Element] = []
    ) async throws -> ManagedList<Element> {
        ManagedList<Element>(try await object(ListStore<Element>.self, name, items))
    }

    /// As ``set(named:_:)``, suspending the calling task.
    public func set<Element: Codable & Hashable & Sendable>(
        named name: String? = nil, _ items: Set<Element> = []
    ) async throws -> ManagedSet<Element> {
        ManagedSet<Element>(try await object(SetStore<Element>.self, name, items))
    }

    /// As ``value(named:_:)``, suspending the calling task.
    public func value<Value: Codable & Sendable>(named name: String? = nil, _ value: Value)
        async throws -> ManagedValue<Value>
    {
        ManagedValue<Value>(try await object(ValueStore<Value>.self, name, value))
    }

    /// As ``array(named:_:)``, suspending the calling task.
    public func array<Element: Codable & Sendable>(named name: String? = nil, _ items: [Element])
        async throws -> ManagedArray<Element>
    {
        ManagedArray<Element>(try await object(ArrayStore<Element>.self, name, items))
    }

    /// As ``namespace(named:)``, suspending the calling task.
    public func namespace(named name: String? = nil) async throws -> ManagedNamespace {
        ManagedNamespace(try await object(NamespaceStore.self, name, Nothing()))
    }

    /// As ``queue(named:capacity:)``, suspending the calling task.
    public func queue<Element: Codable & Sendable>(named name: String? = nil, capacity: Int)
        async throws -> ManagedQueue<Element>
    {
        ManagedQueue<Element>(try await object(QueueStore<Element>.self, name, capacity))
    }

    /// As ``lock(named:)``, suspending the calling task.
    public func lock(named name: String? = nil) async throws -> ManagedLock {
        ManagedLock(try await object(LockStore<PlainLock>.self, name, Nothing()))
    }

    /// As ``recursiveLock(named:)``, suspending the calling task.
    public func recursiveLock(named name: String? = nil) async throws -> ManagedRLock {
        ManagedRLock(try await object(LockStore<RecursiveLock>.self, name, Nothing()))
    }

    /// As ``semaphore(named:permits:isBounded:)``, suspending the calling task.
    public func semaphore(named name: String? = nil, permits: Int, isBounded: Bool = false)
        async throws -> ManagedSemaphore
    {
        ManagedSemaphore(
            try await object(
                SemaphoreStore.self, name,
                SemaphoreStore.Input(permits: permits, isBounded: isBounded)))
    }

    /// As ``event(named:isSet:)``, suspending the calling task.
    public func event(named name: String? = nil, isSet: Bool = false) async throws -> ManagedEvent {
        ManagedEvent(try await object(EventStore.self, name, isSet))
    }

    /// As ``condition(named:)``, suspending the calling task.
    public func condition(named name: String? = nil) async throws -> ManagedCondition {
        ManagedCondition(try await object(ConditionStore.self, name, Nothing()))
    }

    /// As ``barrier(named:parties:)``, suspending the calling task.
    public func barrier(named name: String? = nil, parties: Int) async throws -> ManagedBarrier {
        ManagedBarrier(try await object(BarrierStore.self, name, parties))
    }
}
