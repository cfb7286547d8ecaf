import PlaitPlatform
import Testing

struct DeadlineTests {
    @Test func `no limit is never, and never is later than any point`() {
        #expect(Deadline(within: nil) == .never)
        #expect(Deadline(nanoseconds: .max - 1) < .never)
        #expect(Deadline.immediate < Deadline.now)
        #expect(Deadline.now < .never)
    }

    @Test(arguments: [Duration.zero, .nanoseconds(-1), .seconds(-5), .seconds(Int64.min)])
    func `a limit of zero or less is immediate`(_ limit: Duration) {
        #expect(Deadline(within: limit) == .immediate)
    }

    @Test func `a limit counts from now`() {
        let before = monotonicNow()
        let deadline = Deadline(within: .seconds(2))
        let after = monotonicNow()
        #expect(deadline.nanoseconds >= before + 2_000_000_000)
        #expect(deadline.nanoseconds <= after + 2_000_000_000)
    }

    @Test func `the shortest limit is later than now, not immediate`() {
        let before = monotonicNow()
        let deadline = Deadline(within: Duration(secondsComponent: 0, attosecondsComponent: 1))
        #expect(deadline.nanoseconds > before)
    }

    @Test(arguments: [
        Duration.seconds(Int64.max), .seconds(18_446_744_074), .seconds(20_000_000_000),
    ])
    func `a limit that the clock cannot hold is never`(_ limit: Duration) {
        #expect(Deadline(within: limit) == .never)
    }

    @Test func `advancing saturates at never`() {
        let near = Deadline(nanoseconds: .max - 5)
        #expect(near.advanced(by: 5) == .never)
        #expect(near.advanced(by: 6) == .never)
        #expect(near.advanced(by: 4).nanoseconds == UInt64.max - 1)
        #expect(Deadline.never.advanced(by: 1) == .never)
    }

    @Test func `nanoseconds round up`() {
        let cases: [(Duration, UInt64)] = [
            (Duration(secondsComponent: 0, attosecondsComponent: 1), 1),
            (Duration(secondsComponent: 0, attosecondsComponent: 999_999_999), 1),
            (Duration(secondsComponent: 0, attosecondsComponent: 1_000_000_000), 1),
            (Duration(secondsComponent: 0, attosecondsComponent: 1_000_000_001), 2),
            (.nanoseconds(7), 7),
            (Duration(secondsComponent: 1, attosecondsComponent: 1), 1_000_000_001),
            (
                Duration(secondsComponent: 0, attosecondsComponent: 999_999_999_999_999_999),
                1_000_000_000
            ),
        ]
        for (duration, nanoseconds) in cases {
            #expect(duration.nanosecondsClamped == nanoseconds, "\(duration)")
        }
    }

    @Test func `the largest duration that nanoseconds hold is exact, one more is clamped`() {
        let seconds = Int64(UInt64.max / 1_000_000_000)
        let rest = Int64(UInt64.max % 1_000_000_000)
        let largest = Duration(
            secondsComponent: seconds, attosecondsComponent: rest * 1_000_000_000)
        #expect(largest.nanosecondsClamped == .max)
        #expect((largest - .nanoseconds(1)).nanosecondsClamped == UInt64.max - 1)
        #expect((largest + .nanoseconds(1)).nanosecondsClamped == .max)
    }

    @Test func `an instant to come is a point on the monotonic clock`() {
        let before = monotonicNow()
        let deadline = Deadline(ContinuousClock.now.advanced(by: .seconds(3)))
        let after = monotonicNow()
        #expect(deadline.nanoseconds <= after + 3_000_000_000)
        #expect(deadline.nanoseconds > before)
    }

    @Test func `an instant that has passed is immediate`() {
        #expect(Deadline(ContinuousClock.now.advanced(by: .seconds(-1))) == .immediate)
    }

    @Test func `the monotonic clock never goes back`() {
        var last = monotonicNow()
        for _ in 0..<10_000 {
            let now = monotonicNow()
            #expect(now >= last)
            last = now
        }
    }
}
