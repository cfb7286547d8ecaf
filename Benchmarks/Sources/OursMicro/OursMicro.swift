import Plait

/// Measures one of Plait's own figures and prints it: `ours-micro yield`.
@main
struct OursMicro {
    static func main() {
        let subjects: [String: () throws -> Figure] = [
            "switch": rawSwitch, "yield": yield, "handover": handover, "spawn-join": spawnAndJoin,
            "lock": lock, "parked-memory": parkedMemory, "timer-schedule": timerSchedule,
            "timer-cancel": timerCancel, "timer-lateness": timerLateness,
            "queue-fibers": { try queueBetweenFibers(capacity: 1_024, items: 20_000_000) },
            "queue-fibers-1": { try queueBetweenFibers(capacity: 1, items: 5_000_000) },
            "queue-threads": {
                try queueBetweenThreads(capacity: 1_024, pairs: 1, items: 20_000_000)
            },
            "queue-threads-2": {
                try queueBetweenThreads(capacity: 1_024, pairs: 2, items: 20_000_000)
            },
            "queue-threads-1": {
                try queueBetweenThreads(capacity: 1, pairs: 1, items: 2_000_000)
            },
        ]
        guard CommandLine.arguments.count == 2, let measure = subjects[CommandLine.arguments[1]]
        else {
            print("usage: ours-micro \(subjects.keys.sorted().joined(separator: "|"))")
            return
        }
        do {
            switch try measure() {
            case .nanoseconds(let ns): print("{\"ns\": \(ns)}")
            case .value(let value): print("{\"value\": \(value)}")
            }
        } catch {
            print("failed: \(error)")
        }
    }
}

enum Figure {
    case nanoseconds(Double)
    case value(Double)
}

/// Nanoseconds an operation of `count` operations in `body`.
func time(_ count: Int, _ body: () throws -> Void) rethrows -> Figure {
    let duration = try ContinuousClock().measure(body)
    let (seconds, attoseconds) = duration.components
    return .nanoseconds((Double(seconds) * 1e9 + Double(attoseconds) / 1e9) / Double(count))
}

/// What closures count in.
final class Counter {
    var value = 0
}
