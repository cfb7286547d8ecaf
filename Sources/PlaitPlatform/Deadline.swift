internal import CPlaitLinux

/// A point on the monotonic clock at which a wait gives up.
///
/// Limits in Plait's interfaces are `Duration`s. A call turns its limit into a deadline once, so
/// that a wait in several steps does not begin its time again. The resolution is one nanosecond.
/// Waits in a hub end up to 66 µs late, one tick of its timer wheel.
public struct Deadline: Hashable, Comparable, Sendable {
    /// Nanoseconds of CLOCK_MONOTONIC.
    public let nanoseconds: UInt64

    @inlinable
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// Waits for ever.
    @inlinable
    public static var never: Deadline { Deadline(nanoseconds: .max) }
    /// A deadline that has passed already: a wait tries once and does not block.
    @inlinable
    public static var immediate: Deadline { Deadline(nanoseconds: 0) }
    /// The present.
    public static var now: Deadline { Deadline(nanoseconds: monotonicNow()) }

    /// The point `limit` from now: `nil` is ``never``, zero or less ``immediate``.
    @inlinable
    public init(within limit: Duration?) {
        self = limit.map { Deadline(after: $0) } ?? .never
    }

    @usableFromInline
    init(after limit: Duration) {
        let wait = limit.nanosecondsClamped
        self = wait == 0 ? .immediate : Deadline.now.advanced(by: wait)
    }

    /// The deadline at `instant`.
    public init(_ instant: ContinuousClock.Instant) {
        self.init(within: ContinuousClock.now.duration(to: instant))
    }

    /// The time left until then: nil for ``never``, zero once it has passed.
    public var remaining: Duration? {
        if self == .never { return nil }
        let now = monotonicNow()
        return nanoseconds <= now ? .zero : .nanoseconds(Int64(clamping: nanoseconds - now))
    }

    /// The deadline that is later by `nanoseconds`; saturates at ``never``.
    public func advanced(by nanoseconds: UInt64) -> Deadline {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return Deadline(nanoseconds: overflow ? .max : sum)
    }

    public static func < (left: Deadline, right: Deadline) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

/// CLOCK_MONOTONIC in nanoseconds.
@usableFromInline package func monotonicNow() -> UInt64 { plait_now() }

extension Duration {
    /// Whole nanoseconds, rounded up; negative durations are 0, huge ones `UInt64.max`.
    package var nanosecondsClamped: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds > 0 || (seconds == 0 && attoseconds > 0) else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = whole.addingReportingOverflow(
            UInt64(attoseconds + 999_999_999) / 1_000_000_000)
        return overflow || carried ? .max : sum
    }
}
