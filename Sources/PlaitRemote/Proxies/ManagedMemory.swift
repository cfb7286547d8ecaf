internal import PlaitPlatform
public import PlaitProcesses

/// Shared memory that a ``Manager`` keeps. A process that has this value can open the memory as
/// long as the manager lives. A process that has opened the memory keeps it.
///
/// No file system shows the memory, so nothing is left behind, however the manager ends.
/// - Source: Python's `SharedMemoryManager.SharedMemory`.
public struct ManagedMemory: Codable, Hashable, Sendable {
    private let object: Managed<MemoryStore>
    private let place: SharedPages.Place

    init(_ object: Managed<MemoryStore>, at place: SharedPages.Place) {
        self.object = object
        self.place = place
    }

    /// Opens the memory in this process, which must be on the manager's machine and belong to the
    /// same user.
    /// - Throws: `SystemError`: ENOENT if the manager has ended; EACCES, ENOMEM, EMFILE.
    public func open() throws -> SharedMemory { try SharedMemory(at: place) }
}

extension Manager {
    /// Makes memory of `bytes` zero bytes, which the manager keeps.
    /// - Throws: ``ManagerError``; ``ManagerDied``; `RemoteError` if the system has no such memory.
    /// - Source: Python's `SharedMemoryManager.SharedMemory(size)`.
    @available(*, noasync)
    public func memory(bytes: Int) throws -> ManagedMemory {
        demand(bytes >= 1, "a SharedMemory of \(bytes) bytes; give 1 or more")
        let object = try make(MemoryStore.self, bytes)
        return ManagedMemory(object, at: try object.call(MemoryStore.Find()))
    }
}

/// The shared memory in its manager.
final class MemoryStore: ManagedType {
    private let memory: SharedMemory

    init(_ bytes: Int) throws { memory = try SharedMemory(bytes: bytes) }

    struct Find: ManagedCall {
        func run(on store: MemoryStore) throws -> SharedPages.Place { try store.memory.place }
    }
}
