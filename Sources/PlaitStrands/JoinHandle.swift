public import PlaitParking
public import PlaitPlatform

/// A handle on a strand, which gives the strand's result to callers that join it. Copies share the
/// result.
public struct JoinHandle<Success: Sendable>: Sendable {
    /// The strand.
    public let strand: Strand

    /// - Parameter strand: One whose body returns a `Success`.
    @inlinable
    init(_ strand: Strand) { self.strand = strand }

    public var name: String { strand.name }
    public var isAlive: Bool { strand.isAlive }
    /// See ``Strand/cancel()``.
    public func cancel() { strand.cancel() }

    /// Waits until the strand has ended, and returns its value or throws its error.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: What the strand threw; `TimedOut` past the limit, the strand goes on then;
    ///   `CancellationError` when the caller is cancelled.
    @available(*, noasync)
    @discardableResult
    @inlinable
    public func join(within limit: Duration? = nil) throws -> Success {
        guard try strand.join(within: limit) else { throw TimedOut("join of strand \(name)") }
        return try strand.result(as: Success.self)
    }

    /// Waits until the strand has ended, suspending the calling task.
    @discardableResult
    @inlinable
    public func join(within limit: Duration? = nil) async throws -> Success {
        guard try await strand.join(within: limit) else { throw TimedOut("join of strand \(name)") }
        return try strand.result(as: Success.self)
    }
}
