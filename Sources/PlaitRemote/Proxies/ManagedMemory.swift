internal import PlaitPlatform
public import PlaitProcesses
internal import PlaitStrands

/// Shared memory of which a ``Manager`` keeps the name: whoever has this opens it, and when nobody has it any
/// more, or the manager ends, the name is taken away. Who has opened the memory keeps it.
/// - Source: Python's `SharedMemoryManager.SharedMemory`.
public struct ManagedMemory: Codable, Hashable, Sendable {
    private let object: Managed<MemoryStore>
    /// As `SharedMemory(opening:)` takes it.
    public let name: String

    init(_ object: Managed<MemoryStore>) throws {
        self.object = object
        name = try object.call(MemoryStore.Name())
    }

    /// The memory, in this process, which is on the manager's machine.
    /// - Throws: `SystemError` with the name: ENOENT where the manager has ended; ENOMEM, EMFILE.
    public func open() throws -> SharedMemory { try SharedMemory(opening: name) }
}

extension Manager {
    /// Makes memory of so many bytes, all zero, of which the manager keeps the name.
    /// - Throws: ``ManagerError``; ``ManagerDied``; `RemoteError` where there is no such memory to be had.
    /// - Source: Python's `SharedMemoryManager.SharedMemory(size)`.
    @available(*, noasync)
    public func memory(bytes: Int) throws -> ManagedMemory {
        demand(bytes >= 1, "a SharedMemory of \(bytes) bytes; give 1 or more")
        return try ManagedMemory(try make(MemoryStore.self, bytes))
    }
}

/// A name of shared memory, in its manager.
final class MemoryStore: ManagedType {
    private let name: String

    init(_ bytes: Int) throws {
        name = try SharedMemory.named(bytes: bytes).name
        MemoryNames.add(name)
    }

    deinit { MemoryNames.remove(name) }

    struct Name: ManagedCall {
        func run(on store: MemoryStore) -> String { store.name }
    }
}

/// The names that this process, a manager, keeps.
enum MemoryNames {
    private static let names = Guarded<Set<String>>([])
    private static let registered: Void = {
        // Where the end has begun, the process that started this one takes them away.
        _ = try? ProgramEnd.perform { removeAll() }
    }()

    static func add(_ name: String) {
        registered
        names.withLock { _ = $0.insert(name) }
    }

    static func remove(_ name: String) {
        if names.withLock({ $0.remove(name) }) != nil { try? SharedMemory.unlink(name) }
    }

    private static func removeAll() {
        let all = names.withLock { names in
            defer { names = [] }
            return names
        }
        for name in all { try? SharedMemory.unlink(name) }
    }
}
