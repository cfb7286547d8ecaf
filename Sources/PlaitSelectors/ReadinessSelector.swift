public import PlaitPlatform

/// Reports which descriptors of a set are ready: `epoll(7)`, `poll(2)`, or a scripted one in tests.
///
/// Used by one thread. Tokens are the caller's; a selector gives them back unchanged.
/// - Source: Python's `selectors.BaseSelector`.
public protocol ReadinessSelector: AnyObject {
    /// Whether ``TriggerMode/edge`` is available. Without, callers arm and disarm by
    /// ``modify(_:interest:mode:token:)``.
    var supportsEdge: Bool { get }

    /// Adds a descriptor. One that is there already is an error (EEXIST).
    func register(_ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64)
        throws(SystemError)

    /// Changes what is reported of a descriptor. An unknown one is an error (ENOENT).
    func modify(_ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64)
        throws(SystemError)

    /// Removes a descriptor. An unknown one is an error (ENOENT).
    func unregister(_ descriptor: Int32) throws(SystemError)

    /// Waits until a descriptor is ready or `deadline` has passed, and reports each ready one once.
    ///
    /// Blocks the thread. Returns without a report when a signal came.
    /// - Parameter now: The present, if the caller knows it; spares a look at the clock.
    func select(
        until deadline: Deadline, now: Deadline, _ report: (_ token: UInt64, Readiness) -> Void
    ) throws(SystemError)
}

extension ReadinessSelector {
    /// Reports each descriptor that is ready now, once. Never waits.
    package func look(_ report: (_ token: UInt64, Readiness) -> Void) throws(SystemError) {
        try select(until: .immediate, now: .immediate, report)
    }
}

/// What is left until `deadline`, as `epoll_wait` and `ppoll` want it: negative is for ever.
func timeout(until deadline: Deadline, now: Deadline) -> Int64 {
    if deadline == .never { return -1 }
    if deadline <= now { return 0 }
    return Int64(clamping: deadline.nanoseconds - now.nanoseconds)
}
