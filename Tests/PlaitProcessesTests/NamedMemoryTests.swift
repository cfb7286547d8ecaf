import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

enum WriteByName: ProcessFunction {
    static func run(_ name: String) throws -> Int {
        let memory = try SharedMemory(opening: name)
        memory.store(UInt8(7), at: 1)
        return memory.bytes
    }
}

/// Reads a list by name, and changes it.
enum EditList: ProcessFunction {
    static func run(_ name: String) throws -> Int {
        let list = try SharedList(in: try SharedMemory(opening: name))
        try list.store(.string("child"), at: 0)
        return list.count
    }
}

@Suite(.timeLimit(.hang))
struct NamedMemoryTests {
    private func named<Result>(
        _ bytes: Int, _ body: (SharedMemory, String) throws -> Result
    ) throws -> Result {
        let (memory, name) = try SharedMemory.named(bytes: bytes)
        defer { try? SharedMemory.unlink(name) }
        return try body(memory, name)
    }

    // MP-097
    @Test func `two that open a name see each other's writes, with and without a slash`() throws {
        try named(512) { memory, name in
            #expect(memory.bytes >= 512)
            let other = try SharedMemory(opening: name)
            let third = try SharedMemory(opening: "/" + name)
            memory.store(UInt8(42), at: 0)
            #expect(other.load(at: 0, as: UInt8.self) == 42)
            third.store(UInt8(1), at: 511)
            #expect(memory.load(at: 511, as: UInt8.self) == 1)
            let error = #expect(throws: SystemError.self) {
                try SharedMemory(named: name, bytes: 1)
            }
            #expect(error?.errno == .fileExists)
            #expect(error?.subject == name)
        }
    }

    // MP-097, MP-105
    @Test func `another program's function opens it by name, and its end leaves the name`()
        async throws
    {
        try await onThread {
            let (memory, name) = try SharedMemory.named(bytes: 100)
            defer { try? SharedMemory.unlink(name) }
            let bytes = try spawn(.process, WriteByName.self, name, method: .spawn).join()
            #expect(bytes == 100)
            #expect(memory.load(at: 1, as: UInt8.self) == 7)
            #expect(try SharedMemory(opening: name).load(at: 1, as: UInt8.self) == 7)
        }
    }

    // MP-097, MP-099
    @Test func `a name that was taken away is not found, but who has the memory keeps it`() throws {
        let (memory, name) = try SharedMemory.named(bytes: 8)
        try SharedMemory.unlink(name)
        memory.store(5, at: 0)
        #expect(memory.load(at: 0, as: Int.self) == 5)
        for attempt in [
            { _ = try SharedMemory(opening: name) }, { try SharedMemory.unlink(name) },
        ] {
            let error = #expect(throws: SystemError.self) { try attempt() }
            #expect(error?.errno == .noSuchFileOrDirectory)
            #expect(error?.subject == name)
        }
    }

    // MP-099
    @Test func `one whose name is gone still goes to a child`() async throws {
        try await onThread {
            let (memory, name) = try SharedMemory.named(bytes: 80)
            try SharedMemory.unlink(name)
            let bytes = try spawn(.process, FillMemory.self, memory).join()
            #expect(bytes == 80 && memory.load(at: 72, as: Int64.self) == 9)
        }
    }

    // MP-096
    @Test(arguments: ["", "/", "a\0b", "a/b"])
    func `a name that the system would read otherwise is refused`(_ name: String) {
        for attempt in [
            { _ = try SharedMemory(named: name, bytes: 1) }, { try SharedMemory.unlink(name) },
            { _ = try SharedMemory(opening: name) },
        ] {
            let error = #expect(throws: SystemError.self) { try attempt() }
            #expect(error?.errno == .invalidArgument)
        }
    }

    // MP-126
    @Test func `a name that is too long is refused`() {
        let error = #expect(throws: SystemError.self) {
            try SharedMemory(named: String(repeating: "n", count: 300), bytes: 1)
        }
        #expect(error?.errno == .invalidArgument)
    }

    // MP-098
    @Test func `an invented name that somebody has is invented anew`() throws {
        try named(1) { _, taken in
            var names = [taken, taken, taken + "-2"]
            let (_, name) = try SharedMemory.named(bytes: 1) { names.removeFirst() }
            defer { try? SharedMemory.unlink(name) }
            #expect(name == taken + "-2" && names.isEmpty)
        }
    }

    // MARK: Lists

    private static let items: [SharedItem] = [
        .string("howdy"), .bytes([1, 2, 3]), .int(-273), .double(-0.5), .none, .bool(true),
        .string(""),
    ]

    // MP-103
    @Test func `items of all types are there, found and counted`() throws {
        let list = try SharedList(Self.items + [.int(-273)])
        #expect(Array(list) == Self.items + [.int(-273)])
        #expect(list.count == 8 && list.first == .string("howdy"))
        #expect(list.firstIndex(of: .double(-0.5)) == 3)
        #expect(list.filter { $0 == .int(-273) }.count == 2)
        #expect(!list.contains(.string("gone")))
    }

    // MP-103
    @Test func `an item may become one of another type, but no longer one`() throws {
        let list = try SharedList(Self.items)
        try list.store(.int(1), at: 0)
        try list.store(.string("12345678"), at: 0)
        try list.store(.none, at: 1)
        try list.store(.bool(false), at: 2)
        #expect(Array(list[..<3]) == [.string("12345678"), .none, .bool(false)])
        #expect(throws: SharedListError.tooLong(size: 9, room: 8)) {
            try list.store(.string("123456789"), at: 0)
        }
        #expect(throws: SharedListError.tooLong(size: 10, room: 8)) {
            try list.store(.bytes([UInt8](repeating: 0, count: 10)), at: 6)
        }
        #expect(list[0] == .string("12345678") && list[6] == .string(""))
    }

    // MP-103
    @Test func `a list is found by the name of its memory, in another process, too`() async throws {
        let items = Self.items
        try await onThread {
            let (memory, name) = try SharedMemory.named(bytes: SharedList.bytes(for: items))
            defer { try? SharedMemory.unlink(name) }
            let list = try SharedList(items, in: memory)
            let count = try spawn(.process, EditList.self, name, method: .spawn).join()
            #expect(count == items.count)
            #expect(Array(list) == [.string("child")] + items.dropFirst())
        }
    }

    @Test func `memory that is no list's is refused`() throws {
        let memory = try SharedMemory(bytes: 100)
        #expect(throws: SharingError.malformed("SharedList")) { try SharedList(in: memory) }
        _ = try SharedList([.int(1)], in: memory)
        memory.store(UInt32(1 << 30), at: 4)
        #expect(throws: SharingError.malformed("SharedList")) { try SharedList(in: memory) }
        #expect(throws: SharedListError.noRoom(needed: 1_040, room: 100)) {
            try SharedList([.bytes([UInt8](repeating: 0, count: 1_016))], in: memory)
        }
    }
}
