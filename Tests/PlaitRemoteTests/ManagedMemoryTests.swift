import Foundation
import Glibc
import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitRemote
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

enum WriteManagedMemory: ProcessFunction {
    static func run(_ memory: ManagedMemory) throws -> Nothing {
        try memory.open().store(UInt8(9), at: 3)
        return Nothing()
    }
}

@Suite(.timeLimit(.hang))
struct ManagedMemoryTests {
    private static func isThere(_ memory: ManagedMemory) throws -> Bool {
        do {
            _ = try memory.open()
            return true
        } catch let error as SystemError {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return false
        }
    }

    /// Files of shared memory of a process that anybody sees.
    private static func names(of pid: Int32) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/dev/shm").filter {
            $0.contains("-\(pid)-")
        }
    }

    // MP-102
    @Test func `a manager keeps memory until it ends, and no file shows it`() async throws {
        try await onThread {
            let manager = try Manager.start()
            let memories = try (0..<3).map { _ in try manager.memory(bytes: 100) }
            #expect(try Self.names(of: manager.pid) == [])
            let opened = try memories[0].open()
            #expect(opened.bytes == 100)
            try spawn(.process, WriteManagedMemory.self, memories[0]).join()
            #expect(opened.load(at: 3, as: UInt8.self) == 9)
            for memory in memories { #expect(try Self.isThere(memory)) }
            try manager.shutDown()
            for memory in memories { #expect(try !Self.isThere(memory)) }
            // Whoever has it keeps it.
            #expect(opened.load(at: 3, as: UInt8.self) == 9)
            #expect(throws: ManagerDied.self) { try manager.memory(bytes: 1) }
        }
    }

    @Test func `memory that nobody refers to is gone`() async throws {
        try await onThread {
            try withManager { manager in
                let first = try manager.statistics().objects
                var memory: ManagedMemory? = try manager.memory(bytes: 1)
                #expect(try memory.map(Self.isThere) == true)
                memory = nil
                while try manager.statistics().objects != first { Strand.yield() }
            }
        }
    }

    @Test(arguments: [SIGKILL, SIGTERM])
    func `a manager that a signal ends leaves nothing behind`(_ signal: Int32) async throws {
        try await onThread {
            let manager = try Manager.start()
            let memory = try manager.memory(bytes: 1)
            kill(manager.pid, signal)
            while try Self.isThere(memory) { Strand.yield() }
            #expect(try Self.names(of: manager.pid) == [])
        }
    }
}
