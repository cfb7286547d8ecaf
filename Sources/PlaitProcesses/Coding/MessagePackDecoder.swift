/// Decodes MessagePack, from ``MessagePackEncoder`` or from any other program.
///
/// The bytes may come from anybody: bytes that are not MessagePack or do not fit the type throw a
/// `DecodingError`. Integers convert to other numbers if nothing is lost. Text that is not UTF-8 is
/// repaired.
public struct MessagePackDecoder: Sendable {
    /// How deep values may nest.
    public let depth: Int

    /// - Parameter depth: How deep values may nest. A depth of 32 fits on a fiber's usual stack.
    public init(depth: Int = 32) { self.depth = depth }

    /// Decodes the value that all of `bytes` hold.
    /// - Throws: `DecodingError`, and what the value's own decoding throws.
    public func decode<Value: Decodable>(
        _ type: Value.Type = Value.self, from bytes: [UInt8]
    ) throws -> Value {
        try decode(type, from: bytes, in: nil)
    }

    /// Decodes the value that `bytes` hold and whose descriptors lie in a bag.
    func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], with bag: DescriptorBag?
    ) throws -> Value {
        try decode(type, from: bytes, in: bag.map { CodingContext(.descriptors, $0) })
    }

    /// Decodes the value that `bytes` hold. The value's decoding finds `context` in its user info.
    /// - Parameter start: Where the value begins.
    package func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], startingAt start: Int = 0,
        in context: CodingContext?
    ) throws -> Value {
        let reader = PackReader(bytes, context: context)
        let decoding = PackDecoding(reader: reader, offset: start, depth: depth, parent: nil)
        let value = try decoding.decode(type)
        let end = try decoding.whole { () throws(PackReader.Malformed) in try reader.end(of: start)
        }
        guard end == bytes.count else {
            throw decoding.corrupted("\(bytes.count - end) bytes follow the value")
        }
        return value
    }
}

/// A value that is being decoded.
final class PackDecoding: Decoder {
    let reader: PackReader
    /// Where the value begins.
    let offset: Int
    private let parent: (decoding: PackDecoding, key: any CodingKey)?
    /// How deep values may nest, counted from this value.
    private let depth: Int

    init(
        reader: PackReader, offset: Int, depth: Int, parent: (PackDecoding, any CodingKey)?
    ) {
        self.reader = reader
        self.offset = offset
        self.depth = depth
        self.parent = parent
    }

    var codingPath: [any CodingKey] {
        parent.map { $0.decoding.codingPath + [$0.key] } ?? []
    }

    var userInfo: [CodingUserInfoKey: Any] { reader.context.map { [$0.key: $0.value] } ?? [:] }

    /// The decoding of the value at `offset`, which lies in this one.
    func child(at offset: Int, _ key: any CodingKey) throws -> PackDecoding {
        guard depth > 1 else {
            throw corrupted("values nest too deep; raise the decoder's depth, and the stack's size")
        }
        return PackDecoding(reader: reader, offset: offset, depth: depth - 1, parent: (self, key))
    }

    func container<Key: CodingKey>(
        keyedBy type: Key.Type
    ) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(PackKeyedDecoding(decoding: self, entries: try entries()))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        var next = offset
        guard case .array(let count) = try item(&next) else { throw mismatch("an array") }
        return PackUnkeyedDecoding(decoding: self, total: count, next: next)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer {
        PackSingleDecoding(decoding: self)
    }

    // MARK: Values

    var isNil: Bool {
        var next = offset
        if case .null? = try? reader.item(at: &next) { return true }
        return false
    }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if type == [UInt8].self {
            var next = offset
            if case .binary(let range) = try item(&next),
                let value = Array(reader.bytes[range]) as? Value
            {
                return value
            }
        }
        if let value = try plain(type) { return value }
        return try Value(from: self)
    }

    func bool() throws -> Bool {
        var next = offset
        guard case .bool(let value) = try item(&next) else { throw mismatch("a Boolean") }
        return value
    }

    func string() throws -> String {
        var next = offset
        guard case .string(let range) = try item(&next) else { throw mismatch("a string") }
        return reader.string(range)
    }

    func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        var next = offset
        let value: Number?
        switch try item(&next) {
        case .uint(let number): value = Number(exactly: number)
        case .int(let number): value = Number(exactly: number)
        default: throw mismatch("an integer")
        }
        guard let value else { throw corrupted("the integer does not fit into \(type)") }
        return value
    }

    func double() throws -> Double {
        var next = offset
        switch try item(&next) {
        case .double(let value): return value
        case .float(let value): return Double(value)
        case .uint(let value): if let value = Double(exactly: value) { return value }
        case .int(let value): if let value = Double(exactly: value) { return value }
        default: throw mismatch("a floating-point number")
        }
        throw corrupted("the integer does not fit into Double")
    }

    func float() throws -> Float {
        let value = try double()
        if value.isNaN { return .nan }
        guard let float = Float(exactly: value) else {
            throw corrupted("the number does not fit into Float")
        }
        return float
    }

    // MARK: Errors

    func item(_ offset: inout Int) throws -> PackReader.Item {
        do {
            return try reader.item(at: &offset)
        } catch {
            throw corrupted("no MessagePack at byte \(error.offset)")
        }
    }

    func whole<Result>(_ body: () throws(PackReader.Malformed) -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            throw corrupted("no MessagePack at byte \(error.offset)")
        }
    }

    func corrupted(_ reason: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: reason))
    }

    func mismatch(_ expected: String) -> DecodingError {
        var next = offset
        let found = (try? reader.item(at: &next).name) ?? "nothing"
        return .typeMismatch(
            Any.self,
            DecodingError.Context(
                codingPath: codingPath, debugDescription: "expected \(expected), found \(found)"))
    }
}
