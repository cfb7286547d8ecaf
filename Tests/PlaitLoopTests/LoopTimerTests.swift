import PlaitLoop
import PlaitPlatform
import PlaitTesting
import TestSupport
import Testing

struct LoopTimerTests {
    /// The tick of the timer wheel: how late a timer may fire.
    private static let tick: UInt64 = 65_536

    @Test func `timers fire in the order of their deadlines, not of setting`() throws {
        let scripted = try ScriptedLoop()
        var fired: [Int] = []
        for milliseconds in [30, 10, 20, 5_000, 1, 40_000] {
            scripted.loop.schedule(at: scripted.clock.after(.milliseconds(milliseconds))) {
                fired.append(milliseconds)
            }
        }
        scripted.runTimers()
        #expect(fired == [1, 10, 20, 30, 5_000, 40_000])
    }

    @Test func `timers with one deadline fire in the order of setting`() throws {
        let scripted = try ScriptedLoop()
        let deadline = scripted.clock.after(.milliseconds(3))
        var fired: [Int] = []
        for number in 0..<100 {
            scripted.loop.schedule(at: deadline) { fired.append(number) }
        }
        scripted.runTimers()
        #expect(fired == Array(0..<100))
    }

    @Test func `no timer fires early, and none more than a tick late`() throws {
        let scripted = try ScriptedLoop()
        var generator = SeededGenerator(seed: 1)
        var fired = 0
        for _ in 0..<2_000 {
            // From below a tick to hours, across the levels of the wheel.
            let exponent = UInt64.random(in: 0..<44, using: &generator)
            let delay = UInt64.random(in: 0...(1 << exponent), using: &generator)
            let deadline = scripted.clock.now.advanced(by: delay)
            scripted.loop.schedule(at: deadline) { [clock = scripted.clock] in
                #expect(clock.now >= deadline)
                #expect(clock.now.nanoseconds - deadline.nanoseconds <= LoopTimerTests.tick)
                fired += 1
            }
        }
        scripted.runTimers()
        #expect(fired == 2_000)
    }

    @Test func `a deadline that has passed fires in the next round`() throws {
        let scripted = try ScriptedLoop()
        var fired: [String] = []
        scripted.loop.schedule(at: .immediate) { fired.append("long ago") }
        scripted.loop.schedule(after: .zero) { fired.append("now") }
        scripted.loop.schedule(after: .seconds(-1)) { fired.append("negative") }
        scripted.clock.advance(by: .milliseconds(1))
        scripted.loop.runOnce(until: .immediate)
        #expect(fired == ["long ago", "now", "negative"])
    }

    @Test func `a cancelled timer does not fire and frees what its action holds`() throws {
        final class Held {}
        let scripted = try ScriptedLoop()
        var held: Held? = Held()
        weak let observed = held
        let timer = scripted.loop.schedule(after: .milliseconds(1)) { [held] in
            Issue.record("a cancelled timer fired, holding \(held as Any)")
        }
        held = nil
        #expect(observed != nil)
        timer.cancel()
        #expect(observed == nil)
        #expect(scripted.loop.timerCount == 0)
        timer.cancel()
        scripted.clock.advance(by: .seconds(1))
        scripted.loop.runOnce(until: .immediate)
    }

    @Test func `a timer may cancel another that is due at the same time, and itself`() throws {
        let scripted = try ScriptedLoop()
        let deadline = scripted.clock.after(.milliseconds(1))
        var fired: [Int] = []
        var timers: [LoopTimer] = []
        for number in 0..<4 {
            timers.append(
                scripted.loop.schedule(at: deadline) {
                    fired.append(number)
                    timers[number].cancel()
                    if number == 1 { timers[2].cancel() }
                })
        }
        scripted.runTimers()
        #expect(fired == [0, 1, 3])
    }

    @Test func `a timer that was dropped by its maker fires all the same`() throws {
        let scripted = try ScriptedLoop()
        var hasFired = false
        _ = scripted.loop.schedule(after: .milliseconds(1)) { hasFired = true }
        scripted.runTimers()
        #expect(hasFired)
    }

    @Test func `a callback that sets further timers is not run for ever in one round`() throws {
        let scripted = try ScriptedLoop()
        var count = 0
        func again() {
            count += 1
            if count < 50 { scripted.loop.schedule(after: .zero, again) }
        }
        scripted.loop.schedule(after: .zero, again)
        scripted.clock.advance(by: .milliseconds(1))
        scripted.loop.runOnce(until: .immediate)
        #expect(count == 1)
        scripted.runTimers()
        #expect(count == 50)
    }

    @Test func `a chain of timers keeps its distances`() throws {
        let scripted = try ScriptedLoop()
        var times: [Deadline] = []
        let start = scripted.clock.now
        func next() {
            times.append(scripted.clock.now)
            if times.count < 5 { scripted.loop.schedule(after: .seconds(7), next) }
        }
        scripted.loop.schedule(after: .seconds(7), next)
        scripted.runTimers()
        for (index, time) in times.enumerated() {
            let steps = UInt64(index + 1)
            let passed = time.nanoseconds - start.nanoseconds
            #expect(passed >= steps * 7_000_000_000)
            #expect(passed <= steps * (7_000_000_000 + LoopTimerTests.tick))
        }
    }

    @Test func `an idle loop waits for its next timer and no longer`() throws {
        let scripted = try ScriptedLoop()
        let deadline = scripted.clock.after(.milliseconds(5))
        scripted.loop.schedule(at: deadline) {}
        scripted.runTimers()
        let last = try #require(scripted.selector.waits.last)
        #expect(last >= deadline)
        #expect(last.nanoseconds - deadline.nanoseconds <= LoopTimerTests.tick)
        // Without timers it would wait for ever.
        scripted.loop.runOnce(until: .never)
        #expect(scripted.selector.waits.last == .never)
    }
}
