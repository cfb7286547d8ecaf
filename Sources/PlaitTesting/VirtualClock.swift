public import PlaitPlatform
internal import Synchronization

/// A clock whose time passes only when a test says so, or when all that is left to do is to wait.
public final class VirtualClock: Sendable {
    private let nanoseconds: Atomic<UInt64>
    private let beginning: UInt64

    /// - Parameter nanoseconds: The time at which the clock begins; not 0.
    public init(at nanoseconds: UInt64 = 1_000_000_000) {
        self.nanoseconds = Atomic(nanoseconds)
        beginning = nanoseconds
    }

    public var now: Deadline { Deadline(nanoseconds: nanoseconds.load(ordering: .relaxed)) }

    /// How much time has passed on this clock.
    public var elapsed: Duration { .nanoseconds(now.nanoseconds - beginning) }

    /// Lets time pass until `deadline`; does nothing if that has passed.
    public func advance(to deadline: Deadline) {
        if deadline > now { nanoseconds.store(deadline.nanoseconds, ordering: .relaxed) }
    }

    /// Lets time pass.
    public func advance(by duration: Duration) {
        advance(to: now.advanced(by: duration.nanosecondsClamped))
    }

    /// The moment `duration` after now.
    public func after(_ duration: Duration) -> Deadline {
        now.advanced(by: duration.nanosecondsClamped)
    }
}
