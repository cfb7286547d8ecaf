/// Encodes values as MessagePack: compact, and readable by programs in other languages.
///
/// Structures and dictionaries become maps with strings as keys, arrays become arrays, `[UInt8]`
/// becomes binary data. An optional property that is nil is left out, as everywhere in Swift.
public struct MessagePackEncoder: Sendable {
    public init() {}

    /// The bytes of `value`.
    /// - Throws: What the value's own encoding throws.
    public func encode(_ value: some Encodable) throws -> [UInt8] {
        try encode(value, in: nil)
    }

    /// Encodes `value`, whose descriptors go into a bag.
    func encode(_ value: some Encodable, with bag: DescriptorBag?) throws -> [UInt8] {
        try encode(value, in: bag.map { CodingContext(.descriptors, $0) })
    }

    /// Encodes `value`. Its encoding finds `context` in its user info.
    /// - Parameter prefix: Bytes that precede the value's.
    package func encode(
        _ value: some Encodable, in context: CodingContext?, after prefix: [UInt8] = []
    ) throws -> [UInt8] {
        let writer = PackWriter(context: context, prefix: prefix)
        try PackEncoding.encode(value, key: nil, to: writer)
        return writer.finish()
    }
}

/// What values find in the user info of their encoding or decoding: how they travel.
package struct CodingContext: Sendable {
    package let key: CodingUserInfoKey
    package let value: any Sendable

    package init(_ key: CodingUserInfoKey, _ value: any Sendable) {
        self.key = key
        self.value = value
    }
}

/// A value that is being encoded.
struct PackEncoding: Encoder {
    let writer: PackWriter
    /// Its frame in the writer.
    let frame: Int

    static func encode<Value: Encodable>(
        _ value: Value, key: (any CodingKey)?, to writer: PackWriter
    ) throws {
        if Value.self == [UInt8].self, let bytes = value as? [UInt8] {
            return writer.write(binary: bytes)
        }
        if writer.write(plain: value) { return }
        let frame = writer.begin(key: key)
        do {
            try value.encode(to: PackEncoding(writer: writer, frame: frame))
        } catch {
            // A caller that catches this error may go on with the next value.
            writer.abandon(frame)
            throw error
        }
        writer.end()
    }

    var codingPath: [any CodingKey] { writer.frames[...frame].compactMap(\.key) }
    var userInfo: [CodingUserInfoKey: Any] { writer.context.map { [$0.key: $0.value] } ?? [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        writer.open(.map, frame)
        return KeyedEncodingContainer(PackKeyedEncoding<Key>(encoding: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        writer.open(.array, frame)
        return PackUnkeyedEncoding(encoding: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        writer.open(.single, frame)
        return PackSingleEncoding(encoding: self)
    }

    /// An encoding for a value that is encoded later and belongs at this place.
    func insertion(key: (any CodingKey)?) -> PackEncoding {
        let writer = writer.insertion()
        return PackEncoding(writer: writer, frame: writer.begin(key: key))
    }
}

extension PackWriter {
    /// Writes an integer in the shortest form that holds it.
    func write(integer value: some FixedWidthInteger) {
        if let small = Int64(exactly: value) {
            write(small)
        } else {
            write(UInt64(truncatingIfNeeded: value))
        }
    }
}

private struct PackKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoding: PackEncoding

    var codingPath: [any CodingKey] { encoding.codingPath }

    private func write(_ key: some CodingKey) -> PackWriter {
        encoding.writer.countItem(encoding.frame)
        encoding.writer.write(key.stringValue)
        return encoding.writer
    }

    mutating func encodeNil(forKey key: Key) { write(key).writeNil() }
    mutating func encode(_ value: Bool, forKey key: Key) { write(key).write(value) }
    mutating func encode(_ value: String, forKey key: Key) { write(key).write(value) }
    mutating func encode(_ value: Double, forKey key: Key) { write(key).write(value) }
    mutating func encode(_ value: Float, forKey key: Key) { write(key).write(value) }
    mutating func encode(_ value: Int, forKey key: Key) { write(key).write(integer: value) }
    mutating func encode(_ value: Int8, forKey key: Key) { write(key).write(integer: value) }
    mutating func encode(_ value: Int16, forKey key: Key) { write(key).write(integer: value) }
    mutating func encode(_ value: Int32, forKey key: Key) { write(key).write(integer: value) }
    mutating func encode(_ value: Int64, forKey key: Key) { write(key).write(integer: value) }
    mutating func encode(_ value: UInt, forKey key: Key) { write(key).write(integer: value) }
    mutating func encode(_ value: UInt8, forKey key: Key) { write(key).write(integer: value) }
    mutating func encode(_ value: UInt16, forKey key: Key) { write(key).write(integer: value) }
    mutating func encode(_ value: UInt32, forKey key: Key) { write(key).write(integer: value) }
    mutating func encode(_ value: UInt64, forKey key: Key) { write(key).write(integer: value) }

    mutating func encode(_ value: some Encodable, forKey key: Key) throws {
        try PackEncoding.encode(value, key: key, to: write(key))
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        _ = write(key)
        return encoding.insertion(key: key).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        _ = write(key)
        return encoding.insertion(key: key).unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder {
        _ = write(PackKey.super)
        return encoding.insertion(key: PackKey.super)
    }

    mutating func superEncoder(forKey key: Key) -> any Encoder {
        _ = write(key)
        return encoding.insertion(key: key)
    }
}

private struct PackUnkeyedEncoding: UnkeyedEncodingContainer {
    let encoding: PackEncoding

    var codingPath: [any CodingKey] { encoding.codingPath }
    var count: Int { encoding.writer.frames[encoding.frame].count }

    private func next() -> PackWriter {
        encoding.writer.countItem(encoding.frame)
        return encoding.writer
    }

    mutating func encodeNil() { next().writeNil() }
    mutating func encode(_ value: Bool) { next().write(value) }
    mutating func encode(_ value: String) { next().write(value) }
    mutating func encode(_ value: Double) { next().write(value) }
    mutating func encode(_ value: Float) { next().write(value) }
    mutating func encode(_ value: Int) { next().write(integer: value) }
    mutating func encode(_ value: Int8) { next().write(integer: value) }
    mutating func encode(_ value: Int16) { next().write(integer: value) }
    mutating func encode(_ value: Int32) { next().write(integer: value) }
    mutating func encode(_ value: Int64) { next().write(integer: value) }
    mutating func encode(_ value: UInt) { next().write(integer: value) }
    mutating func encode(_ value: UInt8) { next().write(integer: value) }
    mutating func encode(_ value: UInt16) { next().write(integer: value) }
    mutating func encode(_ value: UInt32) { next().write(integer: value) }
    mutating func encode(_ value: UInt64) { next().write(integer: value) }

    mutating func encode(_ value: some Encodable) throws {
        let key = PackKey(index: count)
        try PackEncoding.encode(value, key: key, to: next())
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) -> KeyedEncodingContainer<Nested> {
        insertion().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        insertion().unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder { insertion() }

    private func insertion() -> PackEncoding {
        let key = PackKey(index: count)
        _ = next()
        return encoding.insertion(key: key)
    }
}

private struct PackSingleEncoding: SingleValueEncodingContainer {
    let encoding: PackEncoding

    var codingPath: [any CodingKey] { encoding.codingPath }
    private var writer: PackWriter { encoding.writer }

    mutating func encodeNil() { writer.writeNil() }
    mutating func encode(_ value: Bool) { writer.write(value) }
    mutating func encode(_ value: String) { writer.write(value) }
    mutating func encode(_ value: Double) { writer.write(value) }
    mutating func encode(_ value: Float) { writer.write(value) }
    mutating func encode(_ value: Int) { writer.write(integer: value) }
    mutating func encode(_ value: Int8) { writer.write(integer: value) }
    mutating func encode(_ value: Int16) { writer.write(integer: value) }
    mutating func encode(_ value: Int32) { writer.write(integer: value) }
    mutating func encode(_ value: Int64) { writer.write(integer: value) }
    mutating func encode(_ value: UInt) { writer.write(integer: value) }
    mutating func encode(_ value: UInt8) { writer.write(integer: value) }
    mutating func encode(_ value: UInt16) { writer.write(integer: value) }
    mutating func encode(_ value: UInt32) { writer.write(integer: value) }
    mutating func encode(_ value: UInt64) { writer.write(integer: value) }

    mutating func encode(_ value: some Encodable) throws {
        try PackEncoding.encode(value, key: nil, to: writer)
    }
}

/// The key of an item of an array, or of a superclass's part.
struct PackKey: CodingKey {
    private let text: String?
    let intValue: Int?

    static let `super` = PackKey(stringValue: "super")

    // A key is made for every item, but only an error asks for its text.
    var stringValue: String { text ?? intValue.map { "\($0)" } ?? "" }

    init(index: Int) {
        text = nil
        intValue = index
    }

    init(stringValue: String) {
        text = stringValue
        intValue = nil
    }

    init(intValue: Int) { self.init(index: intValue) }
}
