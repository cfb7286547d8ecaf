import PlaitParking
import PlaitPlatform
import Testing
import TestSupport

/// The wheel beside an array that is searched from end to end.
struct TimerWheelModelTests {
    private struct Entry {
        let number: Int
        let deadline: UInt64
        /// The tick in which it is to fire.
        let tick: UInt64
    }

    private struct Model {
        var now: UInt64
        var entries: [Entry] = []

        mutating func set(_ number: Int, at deadline: UInt64) {
            let (whole, rest) = deadline.quotientAndRemainder(dividingBy: TimerWheel.tick)
            let tick = max(whole + (rest == 0 ? 0 : 1), now / TimerWheel.tick)
            entries.append(Entry(number: number, deadline: deadline, tick: tick))
        }

        mutating func fire(at time: UInt64) -> [Entry] {
            now = max(now, time)
            let last = now / TimerWheel.tick
            let due = entries.enumerated().filter { $0.element.tick <= last }
            entries.removeAll { $0.tick <= last }
            return due.sorted {
                ($0.element.tick, $0.element.deadline, $0.offset)
                    < ($1.element.tick, $1.element.deadline, $1.offset)
            }.map(\.element)
        }
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `whatever is set, cancelled and fired, it agrees with a sorted list`(
        _ seed: UInt64
    ) throws {
        var random = SeededGenerator(seed: seed)
        let start = UInt64.random(in: 0...(1 << 44), using: &random)
        var wheel = TimerWheel(time: start)
        var model = Model(now: start)
        var timers: [TestTimer] = []
        var idle: [Int] = []

        for _ in 0..<4_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let number = idle.popLast() ?? timers.count
                if number == timers.count { timers.append(TestTimer(number)) }
                let deadline = self.deadline(near: model, &random)
                wheel.set(timers[number].timer, at: Deadline(nanoseconds: deadline))
                model.set(number, at: deadline)
            case 5..<7:
                guard let index = model.entries.indices.randomElement(using: &random) else {
                    continue
                }
                let number = model.entries.remove(at: index).number
                wheel.cancel(timers[number].timer)
                idle.append(number)
            default:
                let time = self.time(after: model, wheel.nextWakeup, &random)
                let expected = model.fire(at: time)
                #expect(expected.allSatisfy { $0.deadline <= model.now })
                #expect(model.entries.allSatisfy { $0.deadline + TimerWheel.tick > model.now })
                try #require(wheel.fire(at: time) == expected.map(\.number))
                idle += expected.map(\.number)
            }
            try #require(wheel.count == model.entries.count)
            if let next = model.entries.map(\.tick).min() {
                #expect(wheel.nextWakeup.nanoseconds <= next * TimerWheel.tick)
            }
        }
    }

    /// Equal to another one, in the past, or at a distance of any magnitude.
    private func deadline(near model: Model, _ random: inout SeededGenerator) -> UInt64 {
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
            return model.entries.randomElement(using: &random)?.deadline ?? model.now
        case 1:
            return model.now - min(model.now, UInt64.random(in: 0...10_000_000, using: &random))
        default:
            let magnitude = Int.random(in: 0...58, using: &random)
            return model.now + UInt64.random(in: 0...(1 << magnitude), using: &random)
        }
    }

    /// The time the wheel asks for, a little later, or much later.
    private func time(
        after model: Model, _ wakeup: Deadline, _ random: inout SeededGenerator
    ) -> UInt64 {
        switch Int.random(in: 0..<4, using: &random) {
        case 0 where wakeup != .never: return max(model.now, wakeup.nanoseconds)
        case 1: return model.now
        default:
            let magnitude = Int.random(in: 0...34, using: &random)
            return model.now + UInt64.random(in: 0...(1 << magnitude), using: &random)
        }
    }
}
