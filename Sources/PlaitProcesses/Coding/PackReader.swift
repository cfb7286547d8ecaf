/// Reads MessagePack. It checks every length against the bytes that are there, since they may come
/// from anybody.
final class PackReader: Sendable {
    /// The item at an offset; for a container, only its beginning.
    enum Item {
        case null
        case bool(Bool)
        case int(Int64)
        case uint(UInt64)
        case float(Float)
        case double(Double)
        /// Where its bytes are.
        case string(Range<Int>)
        case binary(Range<Int>)
        /// How many items follow.
        case array(Int)
        case map(Int)
        case other

        var name: String {
            switch self {
            case .null: "nil"
            case .bool: "a Boolean"
            case .int, .uint: "an integer"
            case .float, .double: "a floating-point number"
            case .string: "a string"
            case .binary: "binary data"
            case .array: "an array"
            case .map: "a map"
            case .other: "an extension type"
            }
        }
    }

    /// The bytes are not MessagePack, or end too early.
    struct Malformed: Error {
        let offset: Int
    }

    let bytes: [UInt8]
    /// What the values find in their user info.
    let context: CodingContext?

    init(_ bytes: [UInt8], context: CodingContext? = nil) {
        self.bytes = bytes
        self.context = context
    }

    /// Reads the item at `offset`, and moves `offset` behind it, or to the first item of a
    /// container.
    func item(at offset: inout Int) throws(Malformed) -> Item {
        let start = offset
        guard start < bytes.count else { throw Malformed(offset: start) }
        let tag = bytes[start]
        offset += 1
        switch tag {
        case 0x00...0x7F: return .uint(UInt64(tag))
        case 0x80...0x8F: return .map(Int(tag & 0x0F))
        case 0x90...0x9F: return .array(Int(tag & 0x0F))
        case 0xA0...0xBF: return .string(try run(Int(tag & 0x1F), &offset))
        case 0xE0...0xFF: return .int(Int64(Int8(bitPattern: tag)))
        case 0xC0: return .null
        case 0xC2: return .bool(false)
        case 0xC3: return .bool(true)
        case 0xC4: return .binary(try run(length(UInt8.self, &offset), &offset))
        case 0xC5: return .binary(try run(length(UInt16.self, &offset), &offset))
        case 0xC6: return .binary(try run(length(UInt32.self, &offset), &offset))
        case 0xCA: return .float(Float(bitPattern: try number(UInt32.self, &offset)))
        case 0xCB: return .double(Double(bitPattern: try number(UInt64.self, &offset)))
        case 0xCC: return .uint(UInt64(try number(UInt8.self, &offset)))
        case 0xCD: return .uint(UInt64(try number(UInt16.self, &offset)))
        case 0xCE: return .uint(UInt64(try number(UInt32.self, &offset)))
        case 0xCF: return .uint(try number(UInt64.self, &offset))
        case 0xD0: return .int(Int64(try number(Int8.self, &offset)))
        case 0xD1: return .int(Int64(try number(Int16.self, &offset)))
        case 0xD2: return .int(Int64(try number(Int32.self, &offset)))
        case 0xD3: return .int(try number(Int64.self, &offset))
        case 0xD9: return .string(try run(length(UInt8.self, &offset), &offset))
        case 0xDA: return .string(try run(length(UInt16.self, &offset), &offset))
        case 0xDB: return .string(try run(length(UInt32.self, &offset), &offset))
        case 0xDC: return .array(try length(UInt16.self, &offset))
        case 0xDD: return .array(try length(UInt32.self, &offset))
        case 0xDE: return .map(try length(UInt16.self, &offset))
        case 0xDF: return .map(try length(UInt32.self, &offset))
        case 0xC7: _ = try run(length(UInt8.self, &offset) + 1, &offset)
        case 0xC8: _ = try run(length(UInt16.self, &offset) + 1, &offset)
        case 0xC9: _ = try run(length(UInt32.self, &offset) + 1, &offset)
        case 0xD4...0xD8: _ = try run(1 << Int(tag - 0xD4) + 1, &offset)
        default: throw Malformed(offset: start)
        }
        return .other
    }

    /// The offset behind the value at `offset` and all its contents.
    func end(of offset: Int) throws(Malformed) -> Int {
        var offset = offset
        // Counts items instead of recursing, so that depth costs no stack.
        var left = 1
        while left > 0 {
            left -= 1
            switch try item(at: &offset) {
            case .array(let count): left += count
            case .map(let count): left += 2 * count
            default: break
            }
        }
        return offset
    }

    func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private func run(_ count: Int, _ offset: inout Int) throws(Malformed) -> Range<Int> {
        guard bytes.count - offset >= count else { throw Malformed(offset: offset) }
        defer { offset += count }
        return offset..<offset + count
    }

    private func length<Number: FixedWidthInteger>(
        _ type: Number.Type, _ offset: inout Int
    ) throws(Malformed) -> Int {
        Int(try number(type, &offset))
    }

    /// Reads a number, most significant byte first.
    private func number<Number: FixedWidthInteger>(
        _ type: Number.Type, _ offset: inout Int
    ) throws(Malformed) -> Number {
        let range = try run(MemoryLayout<Number>.size, &offset)
        return unsafe bytes.withUnsafeBytes {
            unsafe Number(bigEndian: $0.loadUnaligned(fromByteOffset: range.lowerBound, as: type))
        }
    }
}
