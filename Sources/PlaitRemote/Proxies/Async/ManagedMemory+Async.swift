// Written by scripts/faces from ManagedMemory.swift: change that, and run it again.

internal import PlaitPlatform
internal import PlaitProcesses

extension Manager {
    /// As ``memory(bytes:)``, suspending the calling task.
    public func memory(bytes: Int) async throws -> ManagedMemory {
        demand(bytes >= 1, "a SharedMemory of \(bytes) bytes; give 1 or more")
        let object = try await make(MemoryStore.self, bytes)
        return ManagedMemory(object, at: try await object.call(MemoryStore.Find()))
    }
}
