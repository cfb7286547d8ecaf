// The figures of processes and of data between them.
extension Figure {
    private static func process(
        _ name: String, _ unit: String, _ subject: String, floor: String?, _ target: Target,
        hasPeer: Bool = true, program: String = "ours-processes"
    ) -> Figure {
        let micro = Micro(
            subject: subject, program: program,
            floor: floor.map { Command("floor-processes \($0)") },
            peer: hasPeer ? Command("peer-python \(subject)") : nil, cores: .both)
        return Figure(
            name: name, unit: unit, scenario: .micro(micro),
            metric: unit == "million/s" ? .millions : .value, target: target,
            decimals: unit == "ns" ? 0 : 2)
    }

    static let processes = [
        process("process: start and join, fork", "ms", "fork", floor: "fork", .atMost(0.8)),
        process(
            "process: start and join, fork server", "ms", "fork-server", floor: "fork",
            .atMost(1.5)),
        process("process: start and join, spawn", "ms", "spawn", floor: "spawn", .atMost(5)),
        process(
            "ProcessPool of 2: tasks one by one", "million/s", "one-by-one", floor: nil,
            .atLeast(0.15)),
        process(
            "ProcessPool of 2: tasks mapped in chunks", "million/s", "mapped", floor: nil,
            .atLeast(10)),
        process(
            "ProcessPool: round trip of a task", "ns", "apply", floor: "pipe", .ratioAtMost(1.5)),
        process(
            "Manager: round trip of a dictionary's set or get", "ns", "manager", floor: "socket",
            .ratioAtMost(1.3), program: "ours-managers"),
        process(
            "Manager: a dictionary's gets, pipelined", "million/s", "manager-pipelined", floor: nil,
            .atLeast(0.2), hasPeer: false, program: "ours-managers"),
        // The floor is a ring for one writer and one reader, without a lock. `floor-processes
        // items` measures a pipe.
        process(
            "ProcessQueue, 8 bytes", "million/s", "queue", floor: "ring", .atLeast(2)),
        // 2 GB/s.
        process(
            "ProcessQueue, 1 MiB", "ns", "queue-large", floor: "large-items", .atMost(524_288)),
    ]
}
