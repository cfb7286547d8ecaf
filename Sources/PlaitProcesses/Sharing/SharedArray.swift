internal import PlaitPlatform

/// An array of a fixed number of values that processes share, with the lock that guards them.
///
/// Each access takes the lock. ``withLock(_:)`` allows several accesses under one lock, and
/// ``unlocked`` gives access without it. Elements have a fixed layout: numbers, and structures and
/// enumerations of numbers. An array goes to another process in the input of its function.
/// - Source: Python's `multiprocessing.Array`.
public final class SharedArray<Element: BitwiseCopyable & Sendable>: Sendable {
    public let lock: ProcessLock
    /// The same values without the lock.
    public let unlocked: SharedView<Element>

    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public convenience init(_ elements: some Collection<Element>) throws {
        let bytes = Self.start + elements.count * MemoryLayout<Element>.stride
        let block = try SharedBlock("plait-array", bytes: bytes)
        try self.init(block, ProcessLock(making: block))
        unlocked.store(elements)
    }

    public convenience init(repeating element: Element, count: Int) throws {
        demand(count >= 0, "a SharedArray of \(count) elements")
        try self.init(repeatElement(element, count: count))
    }

    private init(_ block: SharedBlock, _ lock: ProcessLock) throws {
        self.lock = lock
        let count = (block.bytes - Self.start) / MemoryLayout<Element>.stride
        unlocked = SharedView(block, at: Self.start, count: count)
    }

    private static var start: Int { ProcessLock.size }

    public var count: Int { unlocked.count }

    /// Reads the element at a place, under the lock. Traps past the end.
    /// - Throws: As ``withLock(_:)``.
    @available(*, noasync, message: "in a task: await withLock { … }")
    public func load(at place: Int) throws -> Element { try withLock { $0[place] } }

    /// Reads the elements of a range, under the lock. Traps past the end.
    @available(*, noasync, message: "in a task: await withLock { … }")
    public func load(_ range: some RangeExpression<Int>) throws -> [Element] {
        try withLock { Array($0[range]) }
    }

    /// Reads all elements, under the lock.
    @available(*, noasync, message: "in a task: await withLock { … }")
    public func load() throws -> [Element] { try withLock { Array($0) } }

    /// Writes an element, under the lock. Traps past the end.
    @available(*, noasync, message: "in a task: await withLock { … }")
    public func store(_ element: Element, at place: Int) throws {
        try withLock { $0[place] = element }
    }

    /// Writes elements from a place on, under the lock. Traps past the end.
    @available(*, noasync, message: "in a task: await withLock { … }")
    public func store(_ elements: some Sequence<Element>, from place: Int) throws {
        try withLock { $0.store(elements, at: place) }
    }

    /// Runs `body` with the elements, under the lock. If a process dies in `body`, its changes so
    /// far stay.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: Errors of `body`; `SystemError`: EAGAIN if the system gives no thread that sleeps
    ///   for a fiber.
    @available(*, noasync)
    public func withLock<Result>(_ body: (SharedView<Element>) throws -> Result) throws -> Result {
        try lock.withLock { _ in try body(unlocked) }
    }

    /// As ``withLock(_:)``, suspending the calling task; its cancellation ends the wait.
    public func withLock<Result>(
        _ body: (SharedView<Element>) throws -> Result
    ) async throws -> Result {
        try await lock.withLock { _ in try body(unlocked) }
    }
}

extension SharedArray: Codable {
    public func encode(to encoder: any Encoder) throws {
        try lock.block.encode(to: encoder, as: "SharedArray")
    }

    public convenience init(from decoder: any Decoder) throws {
        let block = try SharedBlock(from: decoder, as: "SharedArray<\(Element.self)>") {
            $0 >= Self.start && ($0 - Self.start) % MemoryLayout<Element>.stride == 0
        }
        try self.init(block, ProcessLock(at: block))
    }
}
