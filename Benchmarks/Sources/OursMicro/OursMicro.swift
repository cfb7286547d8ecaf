import MicroSupport

/// Measures one of Plait's own figures and prints it: `ours-micro yield`.
@main
struct OursMicro {
    static func main() {
        let subjects: [String: () throws -> Figure] = [
            "switch": rawSwitch, "yield": yield, "handover": handover, "spawn-join": spawnAndJoin,
            "lock": lock, "lock-contended": lockContended, "parked-memory": parkedMemory,
            "timer-schedule": timerSchedule, "timer-cancel": timerCancel,
            "timer-lateness": timerLateness,
            "queue-fibers": { try queueBetweenFibers(capacity: 1_024, items: 20_000_000) },
            "queue-fibers-1": { try queueBetweenFibers(capacity: 1, items: 5_000_000) },
            "queue-threads": {
                try queueBetweenThreads(capacity: 1_024, pairs: 1, items: 20_000_000)
            },
            "queue-threads-2": {
                try queueBetweenThreads(capacity: 1_024, pairs: 2, items: 20_000_000)
            },
            "queue-threads-1": {
                try queueBetweenThreads(capacity: 1, pairs: 1, items: 300_000)
            },
            "queue-idle-cpu": idleQueue, "priority-queue": priorityQueue,
            "lock-undetected": lockUndetected, "rlock": recursiveLock,
            "channel-fibers": channelBetweenFibers, "channel-tasks": channelBetweenTasks,
        ]
        measureSubject(subjects)
    }
}

/// A counter for closures.
final class Counter {
    var value = 0
}
