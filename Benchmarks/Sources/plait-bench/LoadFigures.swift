// The figures of servers under load.
extension Figure {
    static func echo(clients: Int) -> [Figure] {
        let scenario = Scenario.echo(clients: clients, size: 64)
        let name = "echo, \(clients) clients, 64 B: "
        let rate = Figure(
            name: name + "requests", unit: "1/s", scenario: scenario, metric: .rate,
            target: .ratioAtLeast(0.95), decimals: 0)
        // With few clients, the median is mostly waiting for the load generator, so the CPU time
        // tells more.
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

    static let connections = [
        Figure(
            name: "connect, message, close: CPU", unit: "ns",
            scenario: .churn(clients: 50, size: 64), metric: .cpu,
            target: .ratioAtMost(1.05), decimals: 0),
        Figure(
            name: "process memory an idle client of 10,000", unit: "KiB",
            scenario: .idle(clients: 10_000), metric: .memory, target: .atMost(6),
            decimals: 2),
    ]
}
