internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSelectors
internal import PlaitStrands

/// Runs `body` on a thread whose time is virtual: when all its fibers wait, time jumps to the next
/// time-out.
///
/// `body` runs in a fiber of a hub of its own, and so do the fibers that it spawns. The virtual
/// clock keeps all their limits, sleeps and timers. A fiber waits in real time only for
/// descriptors, other threads and tasks, and only while no time-out comes first. Keep those out of
/// the test: what they do takes real time, and on the virtual clock the limit may have passed by
/// then. `ContinuousClock.now` is not virtual.
///
/// ```swift
/// let waited = try withVirtualTime { clock in
///     let queue = Queue<Int>(capacity: 1)
///     _ = try? queue.get(within: .seconds(3_600))
///     return clock.elapsed
/// }
/// ```
/// Blocks the calling thread, or parks the calling fiber, until `body` and the fibers that it left
/// have ended.
/// - Throws: What `body` throws.
/// - Source: Trio's `MockClock(autojump_threshold=0)`; tokio's `time::pause`.
@available(*, noasync)
public func withVirtualTime<Success: Sendable>(
    _ body: sending @escaping (VirtualClock) throws -> Success
) throws -> Success {
    try startVirtualTime(body).join()
}

/// As the sync form, suspending the calling task.
public func withVirtualTime<Success: Sendable>(
    _ body: sending @escaping (VirtualClock) throws -> Success
) async throws -> Success {
    try await startVirtualTime(body).join()
}

private func startVirtualTime<Success: Sendable>(
    _ body: sending @escaping (VirtualClock) throws -> Success
) -> JoinHandle<Success> {
    spawn(.thread, name: "virtual time") {
        // The clock begins at the present, since objects made before have their deadlines there.
        let clock = VirtualClock(at: Deadline.now.nanoseconds)
        ThreadCell.current.virtualNow = clock.now.nanoseconds
        defer { ThreadCell.current.virtualNow = 0 }
        try Hub.make(selector: JumpingSelector(clock))
        return try spawn(.fiber, name: "body") { try body(clock) }.join()
    }
}

/// A selector that jumps to the deadline when nothing is ready, instead of waiting for it.
private final class JumpingSelector: ReadinessSelector {
    private let real: EpollSelector
    private let clock: VirtualClock

    init(_ clock: VirtualClock) throws(SystemError) {
        real = try EpollSelector()
        self.clock = clock
    }

    var supportsEdge: Bool { real.supportsEdge }

    func register(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        try real.register(descriptor, interest: interest, mode: mode, token: token)
    }

    func modify(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        try real.modify(descriptor, interest: interest, mode: mode, token: token)
    }

    func unregister(_ descriptor: Int32) throws(SystemError) {
        try real.unregister(descriptor)
    }

    func select(
        until deadline: Deadline, now: Deadline, _ report: (_ token: UInt64, Readiness) -> Void
    ) throws(SystemError) {
        var isAnyReady = false
        try real.select(until: deadline == .never ? .never : .immediate, now: now) {
            token, readiness in
            isAnyReady = true
            report(token, readiness)
        }
        if !isAnyReady && deadline != .never { clock.advance(to: deadline) }
        ThreadCell.current.virtualNow = clock.now.nanoseconds
    }
}
