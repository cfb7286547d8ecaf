public import PlaitPlatform

/// Reports which descriptors of a set are ready: `epoll(7)`, `poll(2)`, or a scripted one in tests.
///
/// One thread uses it. The caller chooses the tokens; a selector gives them back unchanged.
/// - Source: Python's `selectors.BaseSelector`.
public protocol ReadinessSelector: AnyObject {
    /// Whether ``TriggerMode/edge`` is available. Without it, callers arm and disarm with
    /// ``modify(_:interest:mode:token:)``.
    var supportsEdge: Bool { get }

    /// Adds a descriptor. Throws EEXIST if it is there already.
    func register(_ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64)
        throws(SystemError)

    /// Changes what is reported of a descriptor. Throws ENOENT if it is unknown.
    func modify(_ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64)
        throws(SystemError)

    /// Removes a descriptor. Throws ENOENT if it is unknown.
    func unregister(_ descriptor: Int32) throws(SystemError)

    /// Waits until a descriptor is ready or `deadline` has passed, and reports each ready one once.
    ///
    /// Blocks the thread. Returns without a report when a signal arrives.
    /// - Parameter now: The present, if the caller knows it; this saves reading the clock.
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

/// The time left until `deadline`, in the form for `epoll_wait` and `ppoll`: a negative value means
/// for ever.
func timeout(until deadline: Deadline, now: Deadline) -> Int64 {
    if deadline == .never { return -1 }
    if deadline <= now { return 0 }
    return Int64(clamping: deadline.nanoseconds - now.nanoseconds)
}
