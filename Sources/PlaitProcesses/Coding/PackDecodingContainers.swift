/// Where the values of a map begin, by their keys.
struct PackEntries {
    private(set) var keys: [String] = []
    private var offsets: [String: Int] = [:]

    init() {}

    /// Adds an entry. If two entries have one key, the first counts.
    mutating func add(_ key: String, at offset: Int) {
        keys.append(key)
        if offsets[key] == nil { offsets[key] = offset }
    }

    func offset(of key: String) -> Int? { offsets[key] }
}

extension PackDecoding {
    /// The entries of this value, which must be a map.
    func entries() throws -> PackEntries {
        var next = offset
        guard case .map(let count) = try item(&next) else { throw mismatch("a map") }
        var entries = PackEntries()
        for _ in 0..<count {
            guard case .string(let range) = try item(&next) else {
                throw corrupted("a key is not a string")
            }
            let start = next
            next = try whole { () throws(PackReader.Malformed) in try reader.end(of: start) }
            entries.add(reader.string(range), at: start)
        }
        return entries
    }
}

struct PackKeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoding: PackDecoding
    let entries: PackEntries

    var codingPath: [any CodingKey] { decoding.codingPath }

    var allKeys: [Key] { entries.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { entries.offset(of: key.stringValue) != nil }

    private func value(_ key: some CodingKey) throws -> PackDecoding {
        guard let offset = entries.offset(of: key.stringValue) else {
            throw DecodingError.keyNotFound(
                key,
                DecodingError.Context(
                    codingPath: codingPath, debugDescription: "no \"\(key.stringValue)\" here"))
        }
        return try decoding.child(at: offset, key)
    }

    func decodeNil(forKey key: Key) throws -> Bool { try value(key).isNil }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try value(key).bool() }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try value(key).string() }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try value(key).double() }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try value(key).float() }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try value(key).integer(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try value(key).integer(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 {
        try value(key).integer(type)
    }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 {
        try value(key).integer(type)
    }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 {
        try value(key).integer(type)
    }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try value(key).integer(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 {
        try value(key).integer(type)
    }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 {
        try value(key).integer(type)
    }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 {
        try value(key).integer(type)
    }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 {
        try value(key).integer(type)
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try value(key).decode(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { try value(key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try value(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { try value(PackKey.super) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try value(key) }
}

struct PackUnkeyedDecoding: UnkeyedDecodingContainer {
    let decoding: PackDecoding
    let total: Int
    /// Where the next item begins.
    var next: Int
    private(set) var currentIndex = 0

    init(decoding: PackDecoding, total: Int, next: Int) {
        self.decoding = decoding
        self.total = total
        self.next = next
    }

    var codingPath: [any CodingKey] { decoding.codingPath }
    /// The sender's count of the items. Asking for an item that is missing is an error. Arrays
    /// reserve memory for this many items, so a count above the number of bytes is not believed.
    var count: Int? { min(total, decoding.reader.bytes.count) }
    var isAtEnd: Bool { currentIndex >= total }

    /// Uses the next item, and moves behind it unless `body` throws.
    private mutating func take<Result>(
        _ body: (PackDecoding) throws -> Result
    ) throws -> Result {
        let item = try peek()
        let result = try body(item)
        next = try decoding.whole { () throws(PackReader.Malformed) in
            try decoding.reader.end(of: next)
        }
        currentIndex += 1
        return result
    }

    private func peek() throws -> PackDecoding {
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                Any.self,
                DecodingError.Context(
                    codingPath: codingPath + [PackKey(index: currentIndex)],
                    debugDescription: "the array has \(total) items"))
        }
        return try decoding.child(at: next, PackKey(index: currentIndex))
    }

    mutating func decodeNil() throws -> Bool {
        guard try peek().isNil else { return false }
        return try take { _ in true }
    }

    mutating func decode(_ type: Bool.Type) throws -> Bool { try take { try $0.bool() } }
    mutating func decode(_ type: String.Type) throws -> String { try take { try $0.string() } }
    mutating func decode(_ type: Double.Type) throws -> Double { try take { try $0.double() } }
    mutating func decode(_ type: Float.Type) throws -> Float { try take { try $0.float() } }
    mutating func decode(_ type: Int.Type) throws -> Int { try take { try $0.integer(type) } }
    mutating func decode(_ type: Int8.Type) throws -> Int8 { try take { try $0.integer(type) } }
    mutating func decode(_ type: Int16.Type) throws -> Int16 { try take { try $0.integer(type) } }
    mutating func decode(_ type: Int32.Type) throws -> Int32 { try take { try $0.integer(type) } }
    mutating func decode(_ type: Int64.Type) throws -> Int64 { try take { try $0.integer(type) } }
    mutating func decode(_ type: UInt.Type) throws -> UInt { try take { try $0.integer(type) } }
    mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try take { try $0.integer(type) } }
    mutating func decode(_ type: UInt16.Type) throws -> UInt16 {
        try take { try $0.integer(type) }
    }
    mutating func decode(_ type: UInt32.Type) throws -> UInt32 {
        try take { try $0.integer(type) }
    }
    mutating func decode(_ type: UInt64.Type) throws -> UInt64 {
        try take { try $0.integer(type) }
    }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try take { try $0.decode(type) }
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> { try take { try $0.container(keyedBy: type) } }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try take { try $0.unkeyedContainer() }
    }

    mutating func superDecoder() throws -> any Decoder { try take { $0 } }
}

struct PackSingleDecoding: SingleValueDecodingContainer {
    let decoding: PackDecoding

    var codingPath: [any CodingKey] { decoding.codingPath }

    func decodeNil() -> Bool { decoding.isNil }
    func decode(_ type: Bool.Type) throws -> Bool { try decoding.bool() }
    func decode(_ type: String.Type) throws -> String { try decoding.string() }
    func decode(_ type: Double.Type) throws -> Double { try decoding.double() }
    func decode(_ type: Float.Type) throws -> Float { try decoding.float() }
    func decode(_ type: Int.Type) throws -> Int { try decoding.integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try decoding.integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try decoding.integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try decoding.integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try decoding.integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try decoding.integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try decoding.integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try decoding.integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try decoding.integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try decoding.integer(type) }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoding.decode(type) }
}
