internal import PlaitPlatform

/// Memory that processes share: what one writes, the others read.
///
/// It belongs to no file that anybody sees: with the last process that has it, it is gone, whatever has
/// ended that. It goes to another process in the input of its function, or of a pool's initializer.
///
/// ```swift
/// enum Fill: ProcessFunction {
///     static func run(_ memory: SharedMemory) throws -> Nothing {
///         for place in 0..<100 { memory.store(Int32(place), at: 4 * place) }
///         return Nothing()
///     }
/// }
/// let memory = try SharedMemory(bytes: 400)
/// try spawn(.process, Fill.self, memory).join()
/// print(memory.load(at: 396, as: Int32.self))     // 99
/// ```
/// Nothing orders the accesses of two processes, but what they use to tell each other: a ``ProcessQueue``, a
/// ``ProcessLock``, the end of one.
/// - Source: Python's `multiprocessing.shared_memory.SharedMemory`.
public final class SharedMemory: Sendable {
    private let pages: SharedPages
    let number: Int32

    /// Makes memory of so many bytes, all zero.
    /// - Throws: `SystemError`: ENOMEM, EMFILE.
    public convenience init(bytes: Int) throws {
        demand(bytes >= 1, "a SharedMemory of \(bytes) bytes; give 1 or more")
        try self.init(owning: try SharedPages.make(name: "plait-memory", bytes: bytes))
    }

    init(owning file: consuming Descriptor) throws(SystemError) {
        let bytes = try SharedPages.size(of: file.number)
        pages = try SharedPages(mapping: file.number, bytes: bytes)
        number = file.release()
    }

    deinit { closeDescriptor(number) }

    public var bytes: Int { pages.bytes }

    /// A value at an offset in bytes, of any alignment. Traps past the end.
    public func load<Value: BitwiseCopyable>(at offset: Int, as type: Value.Type) -> Value {
        check(offset, MemoryLayout<Value>.size)
        return unsafe pages.base.loadUnaligned(fromByteOffset: offset, as: type)
    }

    /// Writes a value at an offset in bytes, of any alignment. Traps past the end.
    public func store<Value: BitwiseCopyable>(_ value: Value, at offset: Int) {
        check(offset, MemoryLayout<Value>.size)
        unsafe pages.base.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }

    /// Calls `body` with all of it.
    public func withBytes<Result, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Of a copy of the address: the compiler crashes on the span of a field.
        let memory = unsafe UnsafeMutableRawBufferPointer(start: pages.base, count: pages.bytes)
        var span = unsafe memory.mutableBytes
        return try body(&span)
    }

    private func check(_ offset: Int, _ size: Int) {
        demand(
            offset >= 0 && offset <= bytes - size,
            "\(size) bytes at \(offset) of a SharedMemory of \(bytes) bytes")
    }
}

extension SharedMemory: Codable {
    public func encode(to encoder: any Encoder) throws {
        let bag = try DescriptorBag.of(encoder.userInfo, for: "SharedMemory")
        var container = encoder.singleValueContainer()
        try container.encode(bag.put(number))
    }

    public convenience init(from decoder: any Decoder) throws {
        let bag = try DescriptorBag.of(decoder.userInfo, for: "SharedMemory")
        let place = try decoder.singleValueContainer().decode(Int.self)
        try self.init(owning: try bag.copy(place))
    }
}
