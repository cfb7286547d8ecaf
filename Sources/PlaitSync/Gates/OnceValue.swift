/// A value that the first strand to ask for it makes. The others wait until it is there.
///
/// If making it throws, the strand that tried gets the error, and the next strand tries again.
/// - Source: Go's `sync.OnceValue`, Rust's `LazyLock`.
public final class OnceValue<Value: Sendable>: @unchecked Sendable {
    // Sendable: `once` orders the one write of `made` before all reads.
    private let once = Once()
    private var made: Value?
    private let make: @Sendable () throws -> Value

    public init(_ make: @escaping @Sendable () throws -> Value) { self.make = make }

    /// The value. Makes it, or waits while another strand makes it. The wait is not cancellable.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: What making it throws, when this call makes it.
    @available(*, noasync)
    public func get() throws -> Value {
        try once.run { made = try make() }
        return made!
    }

    /// The value. Makes it, or suspends the calling task while another strand or task makes it.
    /// - Throws: What making it throws, when this call makes it; `CancellationError`.
    public func get() async throws -> Value {
        try await once.run { made = try make() }
        return made!
    }
}
