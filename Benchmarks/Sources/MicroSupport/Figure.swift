/// What a subject came to.
public enum Figure: Sendable {
    /// Of an operation.
    case nanoseconds(Double)
    /// In the subject's own unit.
    case value(Double)
}

/// Nanoseconds an operation of `count` operations in `body`.
@inlinable
public func time(_ count: Int, _ body: () throws -> Void) rethrows -> Figure {
    .nanoseconds(try ContinuousClock().measure(body) / .nanoseconds(count))
}

/// As above, of what suspends.
@inlinable
public func time(_ count: Int, _ body: () async throws -> Void) async rethrows -> Figure {
    .nanoseconds(try await ContinuousClock().measure(body) / .nanoseconds(count))
}

/// An item was lost, or came out of order.
public struct WrongItem: Error {
    @inlinable
    public init() {}
}
