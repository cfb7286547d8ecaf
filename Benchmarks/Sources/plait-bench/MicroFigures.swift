// The figures that programs measure by themselves.
extension Figure {
    private init(_ name: String, _ unit: String, _ micro: Micro, _ target: Target) {
        let metric: Metric =
            switch unit {
            case "KiB": .memory
            case "million/s": .millions
            default: .value
            }
        self.init(
            name: name, unit: unit, scenario: .micro(micro), metric: metric, target: target,
            decimals: unit == "ns" || unit == "million/s" ? 1 : 2)
    }

    static let switching = [
        Figure(
            "raw switch", "ns", Micro(subject: "switch", floor: "floor-switch"),
            .ratioAtMost(1.3)),
        Figure("yield", "ns", Micro(subject: "yield", floor: "floor-switch"), .atMost(50)),
        Figure(
            "hand-over through Queue(capacity: 1)", "ns",
            Micro(subject: "handover", floor: "floor-switch"), .atMost(100)),
        Figure("spawn and join", "ns", Micro(subject: "spawn-join"), .atMost(200)),
        Figure(
            "memory of a parked fiber of 1,000,000, stacks of 64 KiB", "KiB",
            Micro(subject: "parked-memory"),
            .atMost(4.7)),
    ]

    static let timers = [
        Figure("timer: schedule", "ns", Micro(subject: "timer-schedule"), .atMost(150)),
        Figure("timer: cancel", "ns", Micro(subject: "timer-cancel"), .atMost(80)),
        Figure(
            "timer: last of 1,000,000 in 1 s is late by", "s", Micro(subject: "timer-lateness"),
            .atMost(0.3)),
    ]

    // MARK: Locks

    static var locks: [Figure] {
        [
            uncontended("Lock, uncontended", "lock"),
            uncontended("Lock, uncontended, no deadlock detection", "lock-undetected"),
            recursive, contended,
        ]
    }

    private static func uncontended(_ name: String, _ subject: String) -> Figure {
        let micro = Micro(
            subject: subject, floor: "floor-mutex uncontended", peer: "peer-swift mutex",
            go: "go-micro mutex-uncontended")
        return Figure(name, "ns", micro, .atMost(11))
    }

    private static let recursive = Figure(
        "RLock, uncontended", "ns",
        Micro(subject: "rlock", floor: "floor-mutex recursive", peer: "peer-swift recursive-lock"),
        .atMost(15))

    private static let contended = Figure(
        "Lock, two threads, 129 ns in between", "million/s",
        Micro(
            subject: "lock-contended", floor: "floor-mutex contended",
            peer: "peer-swift mutex-contended", go: "go-micro mutex-contended", cores: .both,
            hasWork: true),
        .atLeast(13))

    // MARK: Queues

    static let queues = [
        Figure(
            "Queue(1,024), thread to thread", "million/s",
            Micro(
                subject: "queue-threads", floor: "floor-queue ring",
                peer: "peer-swift queue-threads", go: "go-micro queue-1-1", cores: .both),
            .atLeast(19)),
        Figure(
            "Queue(1,024), two threads to two", "million/s",
            Micro(
                subject: "queue-threads-2", peer: "peer-swift queue-threads-2",
                go: "go-micro queue-2-2", cores: .both),
            .atLeast(20)),
        // On one core, Go's goroutines take turns as the fibers of a hub do.
        Figure(
            "Queue(1,024), fiber to fiber", "million/s",
            Micro(subject: "queue-fibers", go: "go-micro queue-1-1"), .atLeast(40)),
        Figure(
            "Queue(1), fiber to fiber", "million/s",
            Micro(subject: "queue-fibers-1", go: "go-micro queue-capacity-1"), .atLeast(7)),
        Figure(
            "Queue(1), thread to thread", "million/s",
            Micro(
                subject: "queue-threads-1", floor: "floor-queue capacity-1",
                peer: "peer-swift queue-threads-1", go: "go-micro queue-capacity-1",
                cores: .both),
            .atLeast(1)),
        Figure(
            "Queue: CPU of a getter that waits 1 s", "ms",
            Micro(subject: "queue-idle-cpu", cores: .both), .atMost(10)),
        Figure(
            "PriorityQueue, out and in at depth 1,000", "million/s",
            Micro(subject: "priority-queue", peer: "peer-swift heap"), .peerRatioAtLeast(0.6)),
    ]

    // MARK: Channels

    static let channels = [
        Figure(
            "Channel, two fibers, there or back", "ns",
            Micro(subject: "channel-fibers", go: "go-micro channel"), .atMost(100)),
        Figure(
            "Channel, two tasks, there or back", "million/s",
            Micro(
                subject: "channel-tasks", peer: "peer-swift channel-tasks",
                go: "go-micro channel", cores: .both),
            .peerRatioAtLeast(10)),
    ]
}
