// Encodes and decodes values that are single numbers, strings or flags without the containers of
// `Codable`, which take ten times as long.

extension PackWriter {
    /// Writes a number, a string, a flag or nil. Returns false for a value of another type.
    func write<Value>(plain value: Value) -> Bool {
        if Value.self == Int.self {
            write(integer: unsafe unsafeBitCast(value, to: Int.self))
        } else if Value.self == String.self {
            write(unsafe unsafeBitCast(value, to: String.self))
        } else if Value.self == Double.self {
            write(unsafe unsafeBitCast(value, to: Double.self))
        } else if Value.self == Bool.self {
            write(unsafe unsafeBitCast(value, to: Bool.self))
        } else if Value.self == Int?.self {
            writeOptional(unsafe unsafeBitCast(value, to: Int?.self))
        } else if Value.self == String?.self {
            writeOptional(unsafe unsafeBitCast(value, to: String?.self))
        } else {
            return false
        }
        return true
    }

    private func writeOptional<Value>(_ value: Value?) {
        if let value { _ = write(plain: value) } else { writeNil() }
    }
}

extension PackDecoding {
    /// Reads a number, a string, a flag or an optional of them. Returns nil for another type.
    func plain<Value>(_ type: Value.Type) throws -> Value? {
        if type == Int.self { return unsafe unsafeBitCast(try integer(Int.self), to: type) }
        if type == String.self { return unsafe unsafeBitCast(try string(), to: type) }
        if type == Double.self { return unsafe unsafeBitCast(try double(), to: type) }
        if type == Bool.self { return unsafe unsafeBitCast(try bool(), to: type) }
        if type == Int?.self {
            let number: Int? = try isNil ? nil : integer(Int.self)
            return unsafe unsafeBitCast(number, to: type)
        }
        if type == String?.self {
            let text: String? = try isNil ? nil : string()
            return unsafe unsafeBitCast(text, to: type)
        }
        return nil
    }
}
