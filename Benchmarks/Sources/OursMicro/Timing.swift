import MicroSupport
import Plait

private let liveTimers = 1_000_000

/// Deadlines an hour from now, spread over a minute, in an order that favours no data structure.
private func farDeadlines() -> [Deadline] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    let start = Deadline.now.advanced(by: 3_600_000_000_000)
    return (0..<liveTimers).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return start.advanced(by: state % 60_000_000_000)
    }
}

func timerSchedule() -> Figure {
    let loop = Hub.current.loop
    let deadlines = farDeadlines()
    var timers: [LoopTimer] = []
    timers.reserveCapacity(liveTimers)
    let figure = time(liveTimers) {
        for deadline in deadlines { timers.append(loop.schedule(at: deadline) {}) }
    }
    for timer in timers { timer.cancel() }
    return figure
}

func timerCancel() -> Figure {
    let loop = Hub.current.loop
    let timers = farDeadlines().map { loop.schedule(at: $0) {} }
    return time(liveTimers) { for timer in timers { timer.cancel() } }
}

/// How late the last of a million timers fires, which are spread over one second.
func timerLateness() throws -> Figure {
    let loop = Hub.current.loop
    let done = Event()
    let fired = Counter()
    let last = Counter()
    let start = Deadline.now.advanced(by: 1_000_000_000)
    for index in 0..<liveTimers {
        // 7,919 has no common factor with a million, so every place comes once, in a scattered
        // order.
        let place = UInt64(index * 7_919 % liveTimers)
        loop.schedule(at: start.advanced(by: place * 1_000)) {
            fired.value += 1
            if fired.value == liveTimers {
                last.value = Int(Deadline.now.nanoseconds)
                done.set()
            }
        }
    }
    try done.wait()
    let due = start.advanced(by: 1_000_000_000).nanoseconds
    return .value(Double(last.value - Int(due)) / 1e9)
}
