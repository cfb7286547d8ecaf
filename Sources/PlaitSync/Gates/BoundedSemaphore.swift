internal import PlaitParking

/// A ``CountingSemaphore`` that never has more permits than it had at first. Releasing a permit
/// that nobody acquired traps, which finds mistakes early.
///
/// - Source: Python's `threading.BoundedSemaphore`.
public final class BoundedSemaphore: CountingSemaphore, @unchecked Sendable {
    // Sendable: has no state of its own.

    /// - Parameter permits: How many permits there are; not negative.
    public init(
        permits: Int, name: String? = nil, file: StaticString = #fileID, line: UInt = #line
    ) {
        super.init(
            permits: permits, bound: permits, verb: "BoundedSemaphore.acquire",
            ObjectLabel(name, file, line))
    }
}
