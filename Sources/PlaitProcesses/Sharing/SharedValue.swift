internal import PlaitPlatform

/// A value that processes share, with the lock that guards it.
///
/// ```swift
/// enum Count: ProcessFunction {
///     static func run(_ counter: SharedValue<Int>) throws -> Nothing {
///         for _ in 0..<1_000 { try counter.withLock { $0 += 1 } }
///         return Nothing()
///     }
/// }
/// let counter = try SharedValue(0)
/// let children = try (0..<4).map { _ in try spawn(.process, Count.self, counter) }
/// for child in children { try child.join() }
/// print(try counter.load())       // 4000
/// ```
/// Its type has a fixed layout: a number, or a structure or enumeration of numbers. If you need no
/// lock, see ``SharedView``. A value goes to another process in the input of its function.
/// - Source: Python's `multiprocessing.Value`.
public final class SharedValue<Value: BitwiseCopyable & Sendable>: Sendable {
    private let values: SharedArray<Value>

    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public init(_ value: Value) throws {
        values = try SharedArray(repeating: value, count: 1)
    }

    private init(in values: SharedArray<Value>) { self.values = values }

    /// The lock that guards the value.
    public var lock: ProcessLock { values.lock }

    /// Reads the value, under the lock.
    /// - Throws: As ``withLock(_:)``.
    @available(*, noasync, message: "in a task: await withLock { … }")
    public func load() throws -> Value { try withLock { $0 } }

    /// Writes the value, under the lock.
    @available(*, noasync, message: "in a task: await withLock { … }")
    public func store(_ value: Value) throws { try withLock { $0 = value } }

    /// Runs `body` with a copy of the value, under the lock, and then writes the copy back. If a
    /// process dies in `body`, the value stays as it was.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: Errors of `body`, and then the value stays as it was; `SystemError`: EAGAIN if the
    ///   system gives no thread that sleeps for a fiber.
    @available(*, noasync)
    public func withLock<Result>(_ body: (inout Value) throws -> Result) throws -> Result {
        try values.lock.withLock { _ in try change(body) }
    }

    /// As ``withLock(_:)``, suspending the calling task; its cancellation ends the wait.
    public func withLock<Result>(_ body: (inout Value) throws -> Result) async throws -> Result {
        try await values.lock.withLock { _ in try change(body) }
    }

    private func change<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        var value = values.unlocked[0]
        let result = try body(&value)
        values.unlocked[0] = value
        return result
    }
}

extension SharedValue: Codable {
    public func encode(to encoder: any Encoder) throws { try values.encode(to: encoder) }

    public convenience init(from decoder: any Decoder) throws {
        let values = try SharedArray<Value>(from: decoder)
        guard values.count == 1 else { throw SharingError.malformed("SharedValue<\(Value.self)>") }
        self.init(in: values)
    }

}
