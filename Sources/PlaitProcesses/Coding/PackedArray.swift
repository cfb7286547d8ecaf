/// Encodes arrays on their way to a worker and back: numbers as they lie in memory, other values as
/// MessagePack.
enum PackedArray {
    private static let plain: UInt8 = 1
    private static let coded: UInt8 = 0

    static func encode<Element: Encodable>(
        _ elements: [Element], in context: CodingContext? = nil
    ) throws -> [UInt8] {
        guard isPlain(Element.self) else {
            return [coded] + (try MessagePackEncoder().encode(elements, in: context))
        }
        return unsafe elements.withUnsafeBytes { elements in
            unsafe [UInt8](unsafeUninitializedCapacity: elements.count + 1) { bytes, count in
                unsafe bytes[0] = plain
                let rest = unsafe UnsafeMutableRawBufferPointer(bytes)[1...]
                unsafe UnsafeMutableRawBufferPointer(rebasing: rest).copyMemory(from: elements)
                count = elements.count + 1
            }
        }
    }

    static func decode<Element: Decodable>(
        _ bytes: ArraySlice<UInt8>, of type: Element.Type
    ) throws -> [Element] {
        guard bytes.first == plain, isPlain(type) else {
            guard bytes.first == coded else { throw ConnectionError.malformed }
            return try MessagePackDecoder().decode([Element].self, from: Array(bytes.dropFirst()))
        }
        let count = (bytes.count - 1) / MemoryLayout<Element>.stride
        return unsafe [Element](unsafeUninitializedCapacity: count) { elements, filled in
            unsafe bytes.withUnsafeBytes { bytes in
                let rest = unsafe bytes[1..<1 + count * MemoryLayout<Element>.stride]
                unsafe UnsafeMutableRawBufferPointer(elements).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: rest))
            }
            filled = count
        }
    }

    /// Whether all bytes of its size are a valid value of the type. The types are compared by name,
    /// since a generic cast of an array looks at each element.
    static func isPlain(_ type: Any.Type) -> Bool {
        type == Int.self || type == Double.self || type == UInt8.self || type == Int32.self
            || type == UInt64.self || type == Float.self
    }
}
