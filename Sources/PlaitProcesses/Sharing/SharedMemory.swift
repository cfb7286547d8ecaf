package import PlaitPlatform

/// Memory that processes share: all of them see what one writes.
///
/// Memory without a name belongs to no visible file. It is gone when the last process that has it
/// has ended, whatever the cause. It goes to another process in the input of its function or of a
/// pool's initializer.
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
/// The memory itself does not order the accesses of two processes. A ``ProcessQueue``, a
/// ``ProcessLock`` or the end of one process orders them. ``view(of:at:count:)`` shows the memory
/// as values of a type.
/// - Source: Python's `multiprocessing.shared_memory.SharedMemory`.
public final class SharedMemory: Sendable {
    let block: SharedBlock

    /// Makes memory of `bytes` zero bytes.
    /// - Throws: `SystemError`: ENOMEM, EMFILE.
    public convenience init(bytes: Int) throws {
        demand(bytes >= 1, "a SharedMemory of \(bytes) bytes; give 1 or more")
        self.init(try SharedBlock("plait-memory", bytes: bytes))
    }

    init(_ block: SharedBlock) { self.block = block }

    public var bytes: Int { block.bytes }

    /// The place where other processes of the same user find the memory, while this process has it.
    package var place: SharedPages.Place {
        get throws(SystemError) { try SharedPages.Place(of: block.number) }
    }

    /// Opens memory that another process has.
    /// - Throws: `SystemError`: ENOENT if that process does not have it any more; ENOMEM, EMFILE.
    package convenience init(at place: SharedPages.Place) throws(SystemError) {
        self.init(try SharedBlock(owning: try place.open()))
    }

    /// Reads a value at an offset in bytes, of any alignment. Traps past the end.
    public func load<Value: BitwiseCopyable>(at offset: Int, as type: Value.Type) -> Value {
        check(offset, MemoryLayout<Value>.size)
        return unsafe block.base.loadUnaligned(fromByteOffset: offset, as: type)
    }

    /// Writes a value at an offset in bytes, of any alignment. Traps past the end.
    public func store<Value: BitwiseCopyable>(_ value: Value, at offset: Int) {
        check(offset, MemoryLayout<Value>.size)
        unsafe block.base.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }

    /// Calls `body` with all bytes of the memory.
    public func withBytes<Result, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Takes the span of a copy of the address, since the compiler crashes on the span of a
        // field.
        let memory = unsafe UnsafeMutableRawBufferPointer(start: block.base, count: block.bytes)
        var span = unsafe memory.mutableBytes
        return try body(&span)
    }

    /// All or part of the memory as values, without a lock. Traps past the end.
    /// - Parameters:
    ///   - offset: In bytes, of any alignment.
    ///   - count: How many values; nil takes as many as there is room for.
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
