package import PlaitPlatform

/// Memory that processes share: what one writes, the others read.
///
/// Unless it has a name, it belongs to no file that anybody sees: with the last process that has
/// it, it is gone, whatever has ended that. It goes to another process in the input of its
/// function, or of a pool's initializer.
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
/// Nothing orders the accesses of two processes, but what they use to tell each other: a
/// ``ProcessQueue``, a ``ProcessLock``, the end of one. ``view(of:at:count:)`` shows it as values
/// of a type.
/// - Source: Python's `multiprocessing.shared_memory.SharedMemory`.
public final class SharedMemory: Sendable {
    let block: SharedBlock

    /// Makes memory of so many bytes, all zero.
    /// - Throws: `SystemError`: ENOMEM, EMFILE.
    public convenience init(bytes: Int) throws {
        demand(bytes >= 1, "a SharedMemory of \(bytes) bytes; give 1 or more")
        self.init(try SharedBlock("plait-memory", bytes: bytes))
    }

    init(_ block: SharedBlock) { self.block = block }

    public var bytes: Int { block.bytes }

    /// Where other processes of the user find it, while this one has it.
    package var place: SharedPages.Place {
        get throws(SystemError) { try SharedPages.Place(of: block.number) }
    }

    /// What another process has.
    /// - Throws: `SystemError`: ENOENT where it does not have it any more; ENOMEM, EMFILE.
    package convenience init(at place: SharedPages.Place) throws(SystemError) {
        self.init(try SharedBlock(owning: try place.open()))
    }

    /// A value at an offset in bytes, of any alignment. Traps past the end.
    public func load<Value: BitwiseCopyable>(at offset: Int, as type: Value.Type) -> Value {
        check(offset, MemoryLayout<Value>.size)
        return unsafe block.base.loadUnaligned(fromByteOffset: offset, as: type)
    }

    /// Writes a value at an offset in bytes, of any alignment. Traps past the end.
    public func store<Value: BitwiseCopyable>(_ value: Value, at offset: Int) {
        check(offset, MemoryLayout<Value>.size)
        unsafe block.base.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }

    /// Calls `body` with all of it.
    public func withBytes<Result, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Of a copy of the address: the compiler crashes on the span of a field.
        let memory = unsafe UnsafeMutableRawBufferPointer(start: block.base, count: block.bytes)
        var span = unsafe memory.mutableBytes
        return try body(&span)
    }

    /// All or part of it as values, without a lock. Traps past the end.
    /// - Parameters:
    ///   - offset: In bytes, of any alignment.
    ///   - count: Values; nil: as many as there is room for.
    public func view<Value: BitwiseCopyable & Sendable>(
        of type: Value.Type, at offset: Int = 0, count: Int? = nil
    ) -> SharedView<Value> {
        let stride = MemoryLayout<Value>.stride
        let count = count ?? max(0, bytes - offset) / stride
        demand(count >= 0, "a view of \(count) values of a SharedMemory")
        check(offset, count * stride)
        return SharedView(block, at: offset, count: count)
    }

    private func check(_ offset: Int, _ size: Int) {
        demand(
            offset >= 0 && offset <= bytes - size,
            "\(size) bytes at \(offset) of a SharedMemory of \(bytes) bytes")
    }
}

extension SharedMemory: Codable {
    public func encode(to encoder: any Encoder) throws {
        try block.encode(to: encoder, as: "SharedMemory")
    }

    public convenience init(from decoder: any Decoder) throws {
        self.init(try SharedBlock(from: decoder, as: "SharedMemory") { $0 >= 1 })
    }
}
