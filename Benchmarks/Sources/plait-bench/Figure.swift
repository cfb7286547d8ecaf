/// One number of the table: its source and its target.
struct Figure: Sendable {
    let name: String
    let unit: String
    let scenario: Scenario
    /// Which number of a run of the scenario it is.
    let metric: Metric
    let target: Target
    var decimals = 1

    /// Every figure, in the order of the table.
    static let all =
        switching + locks + queues + channels + timers + echo(clients: 50)
        + echo(clients: 1_000) + echo(clients: 10_000) + connections + processes
}
