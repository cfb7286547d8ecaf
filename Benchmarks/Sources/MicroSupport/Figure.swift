/// The result of a subject.
public enum Figure: Sendable {
    /// Nanoseconds for each operation.
    case nanoseconds(Double)
    /// A value in the subject's own unit.
    case value(Double)
}

/// The nanoseconds for each of `count` operations in `body`.
@inlinable
public func time(_ count: Int, _ body: () throws -> Void) rethrows -> Figure {
    .nanoseconds(try ContinuousClock().measure(body) / .nanoseconds(count))
}

/// As above, for a body that suspends.
@inlinable
public func time(_ count: Int, _ body: () async throws -> Void) async rethrows -> Figure {
    .nanoseconds(try await ContinuousClock().measure(body) / .nanoseconds(count))
}

/// An item was lost, or came out of order.
public struct WrongItem: Error {
    @inlinable
    public init() {}
}
