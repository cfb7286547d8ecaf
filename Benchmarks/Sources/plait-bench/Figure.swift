/// One number of the table: where it comes from and what it has to reach.
struct Figure: Sendable {
    let name: String
    let unit: String
    let scenario: Scenario
    /// Which of the numbers that a run of the scenario yields.
    let metric: Metric
    let target: Target
    var decimals = 1
}

/// What a figure has to reach.
enum Target: Hashable, CustomStringConvertible {
    /// Ours divided by the floor of the same run.
    case ratioAtMost(Double)
    case ratioAtLeast(Double)
    /// Ours as it is, in the figure's unit.
    case atMost(Double)

    var value: Double {
        switch self {
        case .ratioAtMost(let value), .ratioAtLeast(let value), .atMost(let value): value
        }
    }

    var rule: String {
        switch self {
        case .ratioAtMost: "ratio <= target"
        case .ratioAtLeast: "ratio >= target"
        case .atMost: "ours <= target"
        }
    }

    var description: String {
        switch self {
        case .ratioAtMost(let value): "≤ \(value) ×"
        case .ratioAtLeast(let value): "≥ \(value) ×"
        case .atMost(let value): "≤ \(value)"
        }
    }

    /// Nil if the number that decides is missing.
    func isMet(ours: Double?, ratio: Double?) -> Bool? {
        switch self {
        case .ratioAtMost(let limit): ratio.map { $0 <= limit }
        case .ratioAtLeast(let limit): ratio.map { $0 >= limit }
        case .atMost(let limit): ours.map { $0 <= limit }
        }
    }
}

extension Figure {
    static let all: [Figure] =
        micro + echo(clients: 50) + echo(clients: 1_000)
        + echo(clients: 10_000) + [
            Figure(
                name: "connect, message, close: CPU", unit: "ns",
                scenario: .churn(clients: 50, size: 64), metric: .cpu,
                target: .ratioAtMost(1.05), decimals: 0),
            Figure(
                name: "process memory an idle client of 10,000", unit: "KiB",
                scenario: .idle(clients: 10_000), metric: .memory, target: .atMost(6),
                decimals: 2),
        ]

    private static let micro: [Figure] = [
        Figure("raw switch", "ns", "switch", floor: "floor-switch", .ratioAtMost(1.3)),
        Figure("yield", "ns", "yield", floor: "floor-switch", .atMost(50)),
        Figure(
            "hand-over through Queue(capacity: 1)", "ns", "handover", floor: "floor-switch",
            .atMost(100)),
        Figure("spawn and join", "ns", "spawn-join", .atMost(200)),
        Figure("Lock, uncontended", "ns", "lock", floor: "floor-mutex", .ratioAtMost(1)),
        Figure("memory of a parked fiber of 1,000,000", "KiB", "parked-memory", .atMost(4.7)),
        Figure("timer: schedule", "ns", "timer-schedule", .atMost(150)),
        Figure("timer: cancel", "ns", "timer-cancel", .atMost(80)),
        Figure("timer: last of 1,000,000 in 1 s is late by", "s", "timer-lateness", .atMost(0.3)),
    ]

    private init(
        _ name: String, _ unit: String, _ subject: String, floor: String? = nil, _ target: Target
    ) {
        self.init(
            name: name, unit: unit, scenario: .micro(subject, floor: floor),
            metric: unit == "KiB" ? .memory : .value, target: target,
            decimals: unit == "ns" ? 1 : 2)
    }

    private static func echo(clients: Int) -> [Figure] {
        let scenario = Scenario.echo(clients: clients, size: 64)
        let name = "echo, \(clients) clients, 64 B: "
        let rate = Figure(
            name: name + "requests", unit: "1/s", scenario: scenario, metric: .rate,
            target: .ratioAtLeast(0.95), decimals: 0)
        // With few clients the median is all waiting for the load generator: CPU tells more.
        let second =
            clients < 1_000
            ? Figure(
                name: name + "CPU", unit: "ns", scenario: scenario, metric: .cpu,
                target: .ratioAtMost(1.06), decimals: 0)
            : Figure(
                name: name + "p99", unit: "ms", scenario: scenario, metric: .p99,
                target: .ratioAtMost(1.2), decimals: 1)
        return [rate, second]
    }
}
