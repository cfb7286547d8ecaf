public import PlaitParking

/// The result of a strand, to be had by joining it. Copies share it.
public struct JoinHandle<Success: Sendable>: Sendable {
    private let holder: any ResultHolder<Success>

    init(_ holder: any ResultHolder<Success>) { self.holder = holder }

    /// What runs.
    public var strand: Strand { holder.strand }

    public var name: String { strand.name }
    public var isAlive: Bool { strand.isAlive }
    /// See ``Strand/cancel()``.
    public func cancel() { strand.cancel() }

    /// Waits until the strand has ended, and returns its value or throws its error.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: What the strand threw; ``JoinTimeout`` past the limit, the strand goes on then;
    ///   `CancellationError` when the caller is cancelled.
    @available(*, noasync)
    @discardableResult
    public func join(within limit: Duration? = nil) throws -> Success {
        guard try strand.join(within: limit) else { throw JoinTimeout(strand: name) }
        return try holder.result().get()
    }

    /// Waits until the strand has ended, suspending the calling task.
    @discardableResult
    public func join(within limit: Duration? = nil) async throws -> Success {
        guard try await strand.join(within: limit) else { throw JoinTimeout(strand: name) }
        return try holder.result().get()
    }
}

/// A strand had not ended within the limit of a join.
public struct JoinTimeout: Error, Sendable, CustomStringConvertible {
    public let strand: String
    public var description: String {
        "strand \(strand) had not ended within the limit; join it again or cancel it"
    }
}
