/// One number of the table: where it comes from and what it has to reach.
struct Figure: Sendable {
    let name: String
    let unit: String
    let scenario: Scenario
    /// Which of the numbers that a run of the scenario yields.
    let metric: Metric
    let target: Target
    var decimals = 1

    /// Every figure, in the order of the table.
    static let all =
        switching + locks + queues + channels + timers + echo(clients: 50)
        + echo(clients: 1_000) + echo(clients: 10_000) + connections + processes
}
