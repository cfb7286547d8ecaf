/// A ``CountingSemaphore`` that never has more permits than at first: releasing one that nobody
/// acquired traps, which finds mistakes early.
///
/// - Source: Python's `threading.BoundedSemaphore`.
public final class BoundedSemaphore: CountingSemaphore, @unchecked Sendable {
    // Sendable: has no state of its own.

    /// - Parameter permits: How many may hold one at the same time, and how many there ever are;
    ///   not negative.
    public init(permits: Int) {
        super.init(permits: permits, bound: permits, verb: "BoundedSemaphore.acquire")
    }
}
