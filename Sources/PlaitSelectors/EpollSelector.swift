public import PlaitPlatform

/// Linux's `epoll(7)`. Its cost does not depend on the number of idle descriptors.
///
/// Regular files are an error (EPERM): they are always ready, and epoll does not take them.
public final class EpollSelector: ReadinessSelector {
    private let epoll: EpollCalls

    /// - Parameter batch: How many events one system call takes at most.
    public init(batch: Int = 256) throws(SystemError) {
        epoll = try EpollCalls(capacity: batch)
    }

    public var supportsEdge: Bool { true }

    public func register(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        try epoll.control(.add, descriptor, interest, mode, token: token)
    }

    public func modify(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        try epoll.control(.modify, descriptor, interest, mode, token: token)
    }

    public func unregister(_ descriptor: Int32) throws(SystemError) {
        try epoll.control(.remove, descriptor, [], .level, token: 0)
    }

    public func select(
        until deadline: Deadline, now: Deadline, _ report: (_ token: UInt64, Readiness) -> Void
    ) throws(SystemError) {
        try epoll.wait(nanoseconds: timeout(until: deadline, now: now), report)
    }
}
