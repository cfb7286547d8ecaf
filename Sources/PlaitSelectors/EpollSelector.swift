internal import CPlaitLinux
public import PlaitPlatform
internal import SystemPackage

/// Linux's `epoll(7)`. Its cost does not depend on the number of idle descriptors.
///
/// Registering a regular file throws EPERM: such files are always ready, and epoll does not take
/// them.
@safe
public final class EpollSelector: ReadinessSelector {
    /// The selector's own descriptor. It is readable while a descriptor in the set is ready, and is
    /// closed with the selector.
    public let descriptor: Int32
    /// Memory for `capacity` events; never escapes.
    private let buffer: UnsafeMutableRawPointer
    private let capacity: Int32

    /// - Parameter batch: How many events one system call takes at most.
    public init(batch: Int = 256) throws(SystemError) {
        demand(batch >= 1, "an EpollSelector takes 1 event or more at a time, not \(batch)")
        descriptor = try check(plait_epoll_create(), "epoll_create1")
        capacity = Int32(clamping: batch)
        unsafe buffer = .allocate(
            byteCount: Int(capacity) * plait_epoll_event_size(), alignment: 16)
    }

    deinit {
        unsafe buffer.deallocate()
        closeDescriptor(descriptor)
    }

    public var supportsEdge: Bool { true }

    public func register(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        try control(.add, descriptor, interest, mode, token: token)
    }

    public func modify(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        try control(.modify, descriptor, interest, mode, token: token)
    }

    public func unregister(_ descriptor: Int32) throws(SystemError) {
        try control(.remove, descriptor, [], .level, token: 0)
    }

    public func select(
        until deadline: Deadline, now: Deadline, _ report: (_ token: UInt64, Readiness) -> Void
    ) throws(SystemError) {
        let limit = timeout(until: deadline, now: now)
        let count = unsafe plait_epoll_wait(self.descriptor, buffer, capacity, limit)
        guard count >= 0 else {
            if count == -Errno.interrupted.rawValue { return }
            throw SystemError(negative: count, call: "epoll_wait")
        }
        for index in 0..<count {
            let event = unsafe plait_epoll_event(buffer, index)
            report(event.token, Epoll.readiness(event.events))
        }
    }

    private enum Operation: Int32 { case add = 1, remove = 2, modify = 3 }

    private func control(
        _ operation: Operation, _ number: Int32, _ interest: Readiness, _ mode: TriggerMode,
        token: UInt64
    ) throws(SystemError) {
        try check(
            plait_epoll_control(
                descriptor, operation.rawValue, number, Epoll.events(interest, mode), token),
            "epoll_ctl", "descriptor \(number)")
    }
}

/// The event bits of epoll(7), which Swift's Glibc module lacks.
private enum Epoll {
    private static let input: UInt32 = 0x1
    private static let output: UInt32 = 0x4
    private static let error: UInt32 = 0x8
    private static let hangup: UInt32 = 0x10
    private static let peerHangup: UInt32 = 0x2000
    private static let edge: UInt32 = 1 << 31

    static func events(_ interest: Readiness, _ mode: TriggerMode) -> UInt32 {
        var events: UInt32 = 0
        if interest.contains(.readable) { events |= input | peerHangup }
        if interest.contains(.writable) { events |= output }
        if mode == .edge { events |= edge }
        return events
    }

    static func readiness(_ events: UInt32) -> Readiness {
        var ready: Readiness = []
        if events & input != 0 { ready.insert(.readable) }
        if events & output != 0 { ready.insert(.writable) }
        if events & (hangup | error | peerHangup) != 0 {
            ready.formUnion([.readable, .hangup])
            // A half-closed peer says nothing about writing. An error or a full hang-up ends both
            // directions.
            if events & (hangup | error) != 0 { ready.insert(.writable) }
        }
        return ready
    }
}
