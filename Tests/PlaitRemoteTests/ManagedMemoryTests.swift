import PlaitPlatform
import PlaitProcesses
import PlaitRemote
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

enum WriteManagedMemory: ProcessFunction {
    static func run(_ memory: ManagedMemory) throws -> String {
        try memory.open().store(UInt8(9), at: 3)
        return memory.name
    }
}

@Suite(.timeLimit(.hang))
struct ManagedMemoryTests {
    private static func isThere(_ name: String) throws -> Bool {
        do {
            _ = try SharedMemory(opening: name)
            return true
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return false
        }
    }

    // MP-102
    @Test func `a manager takes the names of its memory away when it ends`() async throws {
        try await onThread {
            let manager = try Manager.start()
            let memories = try (0..<3).map { _ in try manager.memory(bytes: 100) }
            let opened = try memories[0].open()
            #expect(opened.bytes == 100)
            let name = try spawn(.process, WriteManagedMemory.self, memories[0]).join()
            #expect(name == memories[0].name && opened.load(at: 3, as: UInt8.self) == 9)
            for memory in memories { #expect(try Self.isThere(memory.name)) }
            try manager.shutDown()
            for memory in memories { #expect(try !Self.isThere(memory.name)) }
            // Who has it keeps it.
            #expect(opened.load(at: 3, as: UInt8.self) == 9)
            #expect(throws: ManagerDied.self) { try manager.memory(bytes: 1) }
        }
    }

    @Test func `memory that nobody refers to loses its name`() async throws {
        try await onThread {
            try withManager { manager in
                var memory: ManagedMemory? = try manager.memory(bytes: 1)
                let name = try #require(memory?.name)
                #expect(try Self.isThere(name))
                memory = nil
                // A call after it: the manager has heard of the end of the reference.
                while try Self.isThere(name) { _ = try manager.statistics() }
            }
        }
    }

    @Test func `a manager that is killed leaves no name, once it is shut down`() async throws {
        try await onThread {
            let manager = try Manager.start()
            let memory = try manager.memory(bytes: 1)
            try PlaitPlatform.send(.kill, toProcess: manager.pid)
            #expect(try manager.shutDown() == .signal(.kill))
            #expect(try !Self.isThere(memory.name))
        }
    }
}
