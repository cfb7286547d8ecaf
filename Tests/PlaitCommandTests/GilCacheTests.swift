import Foundation
import Testing

@testable import PlaitCommand
@testable import PlaitMachine

/// Compiled programs in files.
struct GilCacheTests {
    /// A directory with a program in it, gone with the test.
    private final class Place {
        let directory: URL
        var source: URL { directory.appendingPathComponent("count.lab") }
        var cache: BytecodeCache { BytecodeCache(path: source.path) }

        init(_ text: String) throws {
            directory = FileManager.default.temporaryDirectory
                .appendingPathComponent("plait-gil-\(UUID().uuidString)")
            try FileManager.default.createDirectory(
                at: directory, withIntermediateDirectories: true)
            try write(text)
        }

        deinit { try? FileManager.default.removeItem(at: directory) }

        func write(_ text: String) throws { try Data(text.utf8).write(to: source) }

        var files: [String] {
            get throws { try FileManager.default.contentsOfDirectory(atPath: directory.path) }
        }
    }

    private static let text = "var a = 1\nprint(a, \"one\", -2, none)\nfn f(b) { return b + a }\n"

    @Test func `a program is compiled once, and again when it has changed`() throws {
        let place = try Place(Self.text)
        let (first, origin) = try place.cache.load()
        #expect(origin == .compiled)
        #expect(try first == Bytecode.compile(Self.text))
        #expect(try place.files.sorted() == ["count.lab", "count.labc"])
        let (second, again) = try place.cache.load()
        #expect(again == .cached)
        #expect(second == first)
        // As long as before, and within the same tick of the clock.
        let changed = Self.text.replacing("var a = 1", with: "var a = 7")
        try place.write(changed)
        let (third, renewed) = try place.cache.load()
        #expect(renewed == .compiled)
        #expect(try third == Bytecode.compile(changed))
        #expect(try place.cache.load().1 == .cached)
    }

    /// Every byte, so that no part of the file is believed unseen.
    @Test func `a damaged file is made anew`() throws {
        let place = try Place(Self.text)
        let bytecode = try place.cache.load().0
        let good = try Data(contentsOf: place.cache.file)
        let source = Array(Self.text.utf8)
        for index in good.indices {
            var bad = [UInt8](good)
            bad[index] ^= 0x10
            #expect(BytecodeFile.decode(bad, source: source) == nil, "byte \(index)")
            #expect(BytecodeFile.decode(Array(bad.prefix(index)), source: source) == nil)
        }
        #expect(BytecodeFile.decode([UInt8](good) + [0], source: source) == nil)
        #expect(BytecodeFile.decode([UInt8](good), source: source) == bytecode)
        try Data(good.prefix(50)).write(to: place.cache.file)
        #expect(try place.cache.load().1 == .compiled)
        #expect(try Data(contentsOf: place.cache.file) == good)
    }

    /// The check sum is right, the contents are not: another version's, say.
    @Test func `a file whose code points nowhere is not believed`() throws {
        let function = CompiledFunction(
            name: "main", parameterCount: 0, localNames: [], constants: [],
            code: [
                Instruction(opcode: .constant, argument: 3, line: 1),
                Instruction(opcode: .return, line: 1),
            ])
        let bytecode = Bytecode(functions: [function], globalNames: [])
        let bytes = BytecodeFile.encode(bytecode, source: [])
        #expect(BytecodeFile.decode(bytes, source: []) == nil)
    }

    @Test func `a file is replaced as a whole: its old contents stay with who has it open`() throws
    {
        let place = try Place(Self.text)
        _ = try place.cache.load()
        let reader = try FileHandle(forReadingFrom: place.cache.file)
        let old = try Data(contentsOf: place.cache.file)
        try place.write(Self.text + "print(2)\n")
        #expect(try place.cache.load().1 == .compiled)
        #expect(try reader.readToEnd() == old)
        #expect(try place.files.sorted() == ["count.lab", "count.labc"])
    }

    @Test func `a program runs though its file cannot be written`() throws {
        let place = try Place(Self.text)
        try FileManager.default.createDirectory(
            at: place.cache.file, withIntermediateDirectories: false)
        #expect(try place.cache.load().1 == .compiled)
        #expect(try place.cache.load().1 == .compiled)
    }

    @Test func `a program that is not there, or no text, says so`() throws {
        #expect(throws: CommandFailure.self) {
            try BytecodeCache(path: "/nowhere/at/all.lab").load()
        }
        let place = try Place("")
        try Data([0xFF, 0xFE]).write(to: place.source)
        #expect(throws: CommandFailure.self) { try place.cache.load() }
    }
}
