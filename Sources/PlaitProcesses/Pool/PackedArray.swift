/// Arrays on their way to a worker and back: numbers as they lie in memory, other values as MessagePack.
enum PackedArray {
    private static let plain: UInt8 = 1
    private static let coded: UInt8 = 0

    static func encode<Element: Encodable>(_ elements: [Element]) throws -> [UInt8] {
        if let bytes = plainBytes(elements) { return bytes }
        return [coded] + (try MessagePackEncoder().encode(elements))
    }

    static func decode<Element: Decodable>(
        _ bytes: ArraySlice<UInt8>, of type: Element.Type
    ) throws -> [Element] {
        if bytes.first == plain, let elements = plainElements(bytes.dropFirst(), of: type) {
            return elements
        }
        guard bytes.first == coded else { throw ConnectionError.malformed }
        return try MessagePackDecoder().decode([Element].self, from: Array(bytes.dropFirst()))
    }

    /// Nil for elements that are not plain numbers. By their type: an empty array of any would do.
    private static func plainBytes<Element>(_ elements: [Element]) -> [UInt8]? {
        if Element.self == Int.self { return (elements as? [Int]).map { copy($0) } }
        if Element.self == Double.self { return (elements as? [Double]).map { copy($0) } }
        if Element.self == Int32.self { return (elements as? [Int32]).map { copy($0) } }
        if Element.self == UInt8.self { return (elements as? [UInt8]).map { copy($0) } }
        if Element.self == UInt64.self { return (elements as? [UInt64]).map { copy($0) } }
        if Element.self == Float.self { return (elements as? [Float]).map { copy($0) } }
        return nil
    }

    private static func copy<Number: BitwiseCopyable>(_ numbers: [Number]) -> [UInt8] {
        unsafe numbers.withUnsafeBytes { numbers in
            unsafe [UInt8](unsafeUninitializedCapacity: numbers.count + 1) { bytes, count in
                unsafe bytes[0] = plain
                unsafe UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(bytes)[1...]
                )
                .copyMemory(
                    from: numbers)
                count = numbers.count + 1
            }
        }
    }

    private static func plainElements<Element>(
        _ bytes: ArraySlice<UInt8>, of type: Element.Type
    ) -> [Element]? {
        if type == Int.self { return numbers(bytes, as: Int.self) as? [Element] }
        if type == Double.self { return numbers(bytes, as: Double.self) as? [Element] }
        if type == Int32.self { return numbers(bytes, as: Int32.self) as? [Element] }
        if type == UInt8.self { return numbers(bytes, as: UInt8.self) as? [Element] }
        if type == UInt64.self { return numbers(bytes, as: UInt64.self) as? [Element] }
        if type == Float.self { return numbers(bytes, as: Float.self) as? [Element] }
        return nil
    }

    private static func numbers<Number: BitwiseCopyable>(
        _ bytes: ArraySlice<UInt8>, as type: Number.Type
    ) -> [Number] {
        let count = bytes.count / MemoryLayout<Number>.size
        return unsafe [Number](unsafeUninitializedCapacity: count) { numbers, filled in
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe UnsafeMutableRawBufferPointer(numbers).copyMemory(
                    from: UnsafeRawBufferPointer(
                        rebasing: bytes[..<(count * MemoryLayout<Number>.size)]))
            }
            filled = count
        }
    }
}
