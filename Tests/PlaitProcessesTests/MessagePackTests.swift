import Foundation
import PlaitParking
import PlaitProcesses
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct MessagePackTests {
    private func encode(_ value: some Encodable) throws -> [UInt8] {
        try MessagePackEncoder().encode(value)
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
        try MessagePackDecoder().decode(type, from: bytes)
    }

    /// What comes back of `value`.
    private func copy<Value: Codable>(_ value: Value) throws -> Value {
        try decode(Value.self, try encode(value))
    }

    // MARK: The format

    @Test func `numbers take the bytes that the format gives them`() throws {
        #expect(try encode(0) == [0x00])
        #expect(try encode(127) == [0x7F])
        #expect(try encode(128) == [0xCC, 0x80])
        #expect(try encode(256) == [0xCD, 0x01, 0x00])
        #expect(try encode(65_536) == [0xCE, 0x00, 0x01, 0x00, 0x00])
        #expect(try encode(UInt64.max) == [0xCF] + [UInt8](repeating: 0xFF, count: 8))
        #expect(try encode(-1) == [0xFF])
        #expect(try encode(-32) == [0xE0])
        #expect(try encode(-33) == [0xD0, 0xDF])
        #expect(try encode(-129) == [0xD1, 0xFF, 0x7F])
        #expect(try encode(-32_769) == [0xD2, 0xFF, 0xFF, 0x7F, 0xFF])
        #expect(try encode(Int64.min) == [0xD3, 0x80, 0, 0, 0, 0, 0, 0, 0])
        #expect(try encode(1.5) == [0xCB, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0])
        #expect(try encode(Float(1.5)) == [0xCA, 0x3F, 0xC0, 0, 0])
    }

    @Test func `so do strings, data, arrays, maps and nothing`() throws {
        #expect(try encode("ab") == [0xA2, 0x61, 0x62])
        #expect(try encode(String(repeating: "a", count: 32)).prefix(2) == [0xD9, 32])
        #expect(try encode(String(repeating: "a", count: 256)).prefix(3) == [0xDA, 1, 0])
        #expect(try encode([UInt8]([1, 2])) == [0xC4, 2, 1, 2])
        #expect(try encode([1, 2]) == [0x92, 1, 2])
        #expect(try encode([Int](repeating: 1, count: 16)).prefix(3) == [0xDC, 0, 16])
        #expect(
            try encode([Int](repeating: 1, count: 65_536)).prefix(5) == [0xDD, 0, 1, 0, 0])
        #expect(try encode(["a": true]) == [0x81, 0xA1, 0x61, 0xC3])
        #expect(try encode(Int?.none) == [0xC0])
    }

    /// What a program in another language may choose: longer forms, and numbers of other types.
    @Test func `other forms of the same values are read`() throws {
        #expect(try decode(Int.self, [0xCF, 0, 0, 0, 0, 0, 0, 0, 5]) == 5)
        #expect(try decode(UInt8.self, [0xD3, 0, 0, 0, 0, 0, 0, 0, 5]) == 5)
        #expect(try decode(Double.self, [0x05]) == 5)
        #expect(try decode(Double.self, [0xCA, 0x3F, 0xC0, 0, 0]) == 1.5)
        #expect(try decode(String.self, [0xDB, 0, 0, 0, 1, 0x61]) == "a")
        #expect(try decode([Int].self, [0xDD, 0, 0, 0, 1, 7]) == [7])
        #expect(try decode([UInt8].self, [0x92, 1, 2]) == [1, 2])
        // A map in another order, with an extension type that nobody asks for.
        #expect(
            try decode([String: Int].self, [0xDE, 0, 2, 0xA1, 0x62, 2, 0xA1, 0x61, 1])
                == ["a": 1, "b": 2])
    }

    // MARK: There and back

    private enum Shape: Codable, Equatable {
        case point
        indirect case pair(Shape, Shape)
        case circle(radius: Double, name: String?)
    }

    private struct Everything: Codable, Equatable {
        var bool = true
        var numbers: [Int] = [0, -1, .min, .max]
        var small: Int8 = -128
        var large: UInt64 = .max
        var double = 0.1
        var float: Float = 0.1
        var text = "größer"
        var absent: String?
        var present: String? = ""
        var list: [Int?] = [1, nil]
        var bytes: [UInt8] = Array(0...255)
        var table: [Int: [String: Double]] = [1: ["a": 1], 2: [:]]
        var shape = Shape.pair(.point, .circle(radius: 2, name: nil))
        var empty = Empty()
        var date = Date(timeIntervalSince1970: 1_000_000.25)
        var data = Data([1, 2, 3])
        var url = URL(string: "https://example.org/")
    }

    private struct Empty: Codable, Equatable {}

    @Test func `all kinds of values come back equal`() throws {
        #expect(try copy(Everything()) == Everything())
        #expect(try copy([Everything](repeating: Everything(), count: 20)).count == 20)
        #expect(try copy(Float.infinity) == .infinity)
        #expect(try copy(Double.nan).isNaN)
    }

    private class Base: Codable {
        var name = "base"
    }

    private final class Derived: Base {
        var number = 1

        enum Key: CodingKey { case number }

        override init() { super.init() }

        required init(from decoder: any Decoder) throws {
            number = try decoder.container(keyedBy: Key.self).decode(Int.self, forKey: .number)
            try super.init(from: try decoder.container(keyedBy: Key.self).superDecoder())
        }

        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try super.encode(to: container.superEncoder())
            try container.encode(number, forKey: .number)
        }
    }

    @Test func `a class and its superclass come back`() throws {
        let value = Derived()
        value.name = "changed"
        value.number = 9
        let back = try copy(value)
        #expect(back.name == "changed" && back.number == 9)
    }

    /// Containers that grow in turns, and are longer than their short heads allow.
    private struct Interleaved: Codable, Equatable {
        var count = 20

        enum Key: CodingKey { case first, second, count }

        init() {}

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            count = try container.decode(Int.self, forKey: .count)
            var first = try container.nestedUnkeyedContainer(forKey: .first)
            var second = try container.nestedUnkeyedContainer(forKey: .second)
            for number in 0..<count {
                #expect(try first.decode(Int.self) == number)
                var inner = try second.nestedUnkeyedContainer()
                #expect(try inner.decode(String.self) == "\(number)")
                #expect(inner.isAtEnd)
            }
            #expect(first.isAtEnd && second.isAtEnd)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            var first = container.nestedUnkeyedContainer(forKey: .first)
            var second = container.nestedUnkeyedContainer(forKey: .second)
            for number in 0..<count {
                try first.encode(number)
                var inner = second.nestedUnkeyedContainer()
                try inner.encode("\(number)")
            }
            try container.encode(count, forKey: .count)
        }
    }

    @Test func `containers that are filled in turns come back`() throws {
        #expect(try copy(Interleaved()) == Interleaved())
        #expect(
            try copy([String](repeating: "x", count: 40).map { [$0: Interleaved()] }).count == 40)
    }

    // MARK: What does not fit

    private struct Point: Codable {
        var x: Int
        var y: Int
    }

    @Test func `an error names the place and what was found`() throws {
        let bytes = try encode(["points": [["x": 1, "y": 2], ["x": 1]]])
        let missing = #expect(throws: DecodingError.self) {
            try decode([String: [Point]].self, bytes)
        }
        guard case .keyNotFound(let key, let context) = missing else {
            Issue.record("not the error that was expected")
            return
        }
        #expect(key.stringValue == "y")
        #expect(context.codingPath.map(\.stringValue) == ["points", "1"])

        let other = #expect(throws: DecodingError.self) {
            try decode([String: String].self, bytes)
        }
        guard case .typeMismatch(_, let context) = other else {
            Issue.record("not the error that was expected")
            return
        }
        #expect(context.debugDescription == "expected a string, found an array")
        #expect(context.codingPath.map(\.stringValue) == ["points"])
    }

    @Test(
        arguments: [
            [], [0xC1], [0x92, 1], [0xA2, 0x61], [0xDD, 0xFF, 0xFF, 0xFF, 0xFF], [0xCF, 1],
            [0xC6, 0xFF, 0xFF, 0xFF, 0xFF, 0], [0x01, 0x01],
        ] as [[UInt8]])
    func `what is no value is an error`(_ bytes: [UInt8]) {
        #expect(throws: DecodingError.self) { try decode([Int].self, bytes) }
        #expect(throws: DecodingError.self) { try decode([String: Int].self, bytes) }
        #expect(throws: DecodingError.self) { try decode(String.self, bytes) }
    }

    @Test func `numbers that do not fit are an error`() {
        #expect(throws: DecodingError.self) { try decode(UInt8.self, [0xCD, 1, 0]) }
        #expect(throws: DecodingError.self) { try decode(UInt.self, [0xFF]) }
        #expect(throws: DecodingError.self) {
            try decode(Double.self, [0xCF] + [UInt8](repeating: 0xFF, count: 8))
        }
        #expect(throws: DecodingError.self) { try decode(Float.self, try encode(0.1)) }
    }

    private struct Choosy: Codable {
        var a: Int?
        var x: String
    }

    @Test func `keys that are no strings are an error, never another value`() {
        #expect(throws: DecodingError.self) { try decode([String: Int].self, [0x81, 1, 1]) }
        // {1: "x", "y": 7}
        let bytes: [UInt8] = [0x82, 1, 0xA1, 0x78, 0xA1, 0x79, 7]
        #expect(throws: DecodingError.self) { try decode(Choosy.self, bytes) }
    }

    private struct Refuses: Encodable {
        struct Refusal: Error {}
        func encode(to encoder: any Encoder) throws {
            var list = encoder.unkeyedContainer()
            try list.encode(1)
            throw Refusal()
        }
    }

    private struct Tolerant: Encodable {
        enum Key: CodingKey { case first, second }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try? container.encode(Refuses(), forKey: .first)
            try container.encode(2, forKey: .second)
        }
    }

    @Test func `a value that refuses to be encoded is nil to who goes on`() throws {
        #expect(throws: Refuses.Refusal.self) { try encode(Refuses()) }
        #expect(
            try decode([String: Int?].self, try encode(Tolerant())) == ["first": nil, "second": 2])
    }

    @Test func `a large table takes time for its size only`() throws {
        let table = Dictionary(uniqueKeysWithValues: (0..<50_000).map { ("key \($0)", $0) })
        #expect(try copy(table) == table)
    }

    private indirect enum Nest: Codable {
        case inner([Nest])

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            var nests: [Nest] = []
            while !container.isAtEnd { nests.append(try container.decode(Nest.self)) }
            self = .inner(nests)
        }

        func encode(to encoder: any Encoder) throws {}
    }

    @Test(arguments: StrandKind.allCases)
    func `values that nest too deep are an error, not an overflow`(
        _ kind: StrandKind
    ) async throws {
        try await onStrand(kind) {
            let bytes = [UInt8](repeating: 0x91, count: 100_000) + [0x90]
            #expect(throws: DecodingError.self) { try decode(Nest.self, bytes) }
            let allowed = [UInt8](repeating: 0x91, count: 31) + [0x90]
            _ = try decode(Nest.self, allowed)
            #expect(throws: DecodingError.self) {
                try MessagePackDecoder(depth: 31).decode(Nest.self, from: allowed)
            }
        }
    }

    /// Every change of one byte of a message, and every beginning of it, is a value or an error.
    @Test func `damaged bytes never trap`() throws {
        let bytes = try encode(Everything())
        var failures = 0
        for index in stride(from: 0, to: bytes.count, by: 3) {
            for change: UInt8 in [0x01, 0x80, 0xFF] {
                var damaged = bytes
                damaged[index] ^= change
                do { _ = try decode(Everything.self, damaged) } catch { failures += 1 }
            }
            do {
                _ = try decode(Everything.self, Array(bytes[..<index]))
                Issue.record("a part of a value was taken for the whole")
            } catch { failures += 1 }
        }
        #expect(failures > bytes.count / 3)
    }
}
