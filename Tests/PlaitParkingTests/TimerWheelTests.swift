import PlaitParking
import PlaitPlatform
import Testing
import TestSupport

/// A timer of a test: the wheel's memory, and a number to know it by.
@safe
final class TestTimer {
    let number: Int
    /// Freed in deinit.
    private let node: UnsafeMutablePointer<TimerNode>

    init(_ number: Int) {
        self.number = number
        unsafe node = .allocate(capacity: 1)
        unsafe node.initialize(to: .unset)
        unsafe timer.prepare(context: Unmanaged.passUnretained(self).toOpaque()) { context in
            unsafe Unmanaged<TestTimer>.fromOpaque(context).takeUnretainedValue().fired += 1
        }
    }

    deinit { unsafe node.deallocate() }

    private(set) var fired = 0
    var timer: Timer { unsafe Timer(node) }

    static func of(_ timer: Timer) -> TestTimer {
        unsafe Unmanaged<TestTimer>.fromOpaque(timer.context).takeUnretainedValue()
    }
}

extension TimerWheel {
    static let tick: UInt64 = 1 << TimerWheel.tickBits

    /// The numbers of the timers due at `time`, in order.
    mutating func fire(at time: UInt64) -> [Int] {
        advance(to: time)
        var numbers: [Int] = []
        while let timer = popDue() { numbers.append(TestTimer.of(timer).number) }
        return numbers
    }
}

struct TimerWheelTests {
    private let tick = TimerWheel.tick
    private let timers = (0..<8).map { TestTimer($0) }

    @Test func `an empty wheel never wants to be woken`() {
        var wheel = TimerWheel(time: 5 * tick)
        #expect(wheel.nextWakeup == .never)
        #expect(wheel.count == 0)
        #expect(wheel.fire(at: .max) == [])
    }

    @Test func `timers fire in the order of their deadlines`() {
        var wheel = TimerWheel(time: 0)
        for (number, ticks) in [(0, 900), (1, 3), (2, 70_000), (3, 256), (4, 255)] {
            wheel.set(timers[number].timer, at: Deadline(nanoseconds: UInt64(ticks) * tick))
        }
        #expect(wheel.fire(at: 1_000_000 * tick) == [1, 4, 3, 0, 2])
    }

    @Test func `timers of one tick fire in the order of their deadlines`() {
        var wheel = TimerWheel(time: 0)
        for (number, nanoseconds) in [(0, 900), (1, 30), (2, 40), (3, 899)] {
            wheel.set(timers[number].timer, at: Deadline(nanoseconds: UInt64(nanoseconds)))
        }
        #expect(wheel.fire(at: tick) == [1, 2, 3, 0])
    }

    @Test(arguments: [10, 300, 70_000, 20_000_000])
    func `equal deadlines fire in the order in which they were set`(_ ticks: UInt64) {
        var wheel = TimerWheel(time: 0)
        let deadline = Deadline(nanoseconds: ticks * tick)
        for number in 0..<4 { wheel.set(timers[number].timer, at: deadline) }
        // Close to the deadline, the next are set straight into lower levels.
        #expect(wheel.fire(at: (ticks - 2) * tick) == [])
        for number in 4..<8 { wheel.set(timers[number].timer, at: deadline) }
        #expect(wheel.fire(at: ticks * tick) == [0, 1, 2, 3, 4, 5, 6, 7])
    }

    @Test func `a deadline that has passed fires at the next look`() {
        var wheel = TimerWheel(time: 1_000 * tick)
        wheel.set(timers[0].timer, at: .immediate)
        #expect(wheel.nextWakeup <= Deadline(nanoseconds: 1_000 * tick))
        #expect(wheel.fire(at: 1_000 * tick) == [0])
    }

    @Test func `a cancelled timer does not fire`() {
        var wheel = TimerWheel(time: 0)
        for number in 0..<3 {
            wheel.set(timers[number].timer, at: Deadline(nanoseconds: 5 * tick))
        }
        wheel.cancel(timers[1].timer)
        #expect(!timers[1].timer.isSet)
        #expect(wheel.count == 2)
        // Twice is as good as once.
        wheel.cancel(timers[1].timer)
        #expect(wheel.count == 2)
        #expect(wheel.fire(at: 5 * tick) == [0, 2])
        #expect(wheel.count == 0)
    }

    @Test func `a timer that is due can still be cancelled`() {
        var wheel = TimerWheel(time: 0)
        for number in 0..<3 { wheel.set(timers[number].timer, at: Deadline(nanoseconds: tick)) }
        wheel.advance(to: tick)
        #expect(wheel.nextWakeup == .immediate)
        wheel.cancel(timers[1].timer)
        #expect(wheel.popDue().map { TestTimer.of($0).number } == 0)
        wheel.cancel(timers[2].timer)
        #expect(wheel.popDue() == nil)
        #expect(wheel.nextWakeup == .never)
    }

    @Test func `the only timer of the wheel, cancelled, lets it sleep for ever`() {
        var wheel = TimerWheel(time: 0)
        wheel.set(timers[0].timer, at: Deadline(nanoseconds: 1_000_000 * tick))
        #expect(wheel.nextWakeup < .never)
        wheel.cancel(timers[0].timer)
        #expect(wheel.nextWakeup == .never)
    }

    @Test func `a timer that fired can be set anew`() {
        var wheel = TimerWheel(time: 0)
        wheel.set(timers[0].timer, at: Deadline(nanoseconds: tick))
        wheel.advance(to: tick)
        wheel.popDue()?.fire()
        #expect(timers[0].fired == 1)
        #expect(!timers[0].timer.isSet)
        wheel.set(timers[0].timer, at: Deadline(nanoseconds: 9 * tick))
        #expect(wheel.fire(at: 9 * tick) == [0])
    }

    /// One deadline a level of the wheel, first and last slots, and the farthest that there is.
    static let distances: [UInt64] = (0..<6).flatMap { level in
        let step = UInt64(1) << (16 + 8 * level)
        return [step - 1, step, step + 1, 255 * step, 255 * step + 12_345]
    }

    @Test(arguments: distances, [0, 77, 255 << 16, (1 << 40) + 12_345] as [UInt64])
    func `a deadline however far fires never early and at most a tick late`(
        _ distance: UInt64, _ start: UInt64
    ) throws {
        let (deadline, overflow) = start.addingReportingOverflow(distance)
        try #require(!overflow)
        var wheel = TimerWheel(time: start)
        wheel.set(timers[0].timer, at: Deadline(nanoseconds: deadline))
        var looks = 0
        while wheel.count > 0 {
            let wakeup = wheel.nextWakeup.nanoseconds
            #expect(wakeup < deadline + tick)
            looks += 1
            try #require(looks < 12, "woken again and again without need")
            let fired = wheel.fire(at: wakeup)
            if !fired.isEmpty { #expect(wakeup >= deadline) }
        }
    }

    @Test func `the last deadline of the clock is kept`() {
        var wheel = TimerWheel(time: 1_000)
        wheel.set(timers[0].timer, at: Deadline(nanoseconds: .max))
        #expect(wheel.fire(at: .max - 2 * tick) == [])
        #expect(wheel.count == 1)
        wheel.cancel(timers[0].timer)
        #expect(wheel.nextWakeup == .never)
    }
}
