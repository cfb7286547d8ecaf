/// The results of the runs so far.
struct Samples {
    private struct Key: Hashable {
        let scenario: Scenario
        let contestant: Contestant
    }

    private var measurements: [Key: [Measurement]] = [:]
    private var failures: Set<Key> = []

    mutating func add(
        _ measurement: Measurement, _ scenario: Scenario, _ contestant: Contestant
    ) {
        measurements[Key(scenario: scenario, contestant: contestant), default: []]
            .append(measurement)
    }

    mutating func addFailure(_ scenario: Scenario, _ contestant: Contestant) {
        failures.insert(Key(scenario: scenario, contestant: contestant))
    }

    func hasFailure(_ scenario: Scenario, _ contestant: Contestant) -> Bool {
        failures.contains(Key(scenario: scenario, contestant: contestant))
    }

    /// Nil if there is no sample.
    func summary(_ figure: Figure, _ contestant: Contestant) -> Summary? {
        let key = Key(scenario: figure.scenario, contestant: contestant)
        return Summary((measurements[key] ?? []).compactMap { $0[figure.metric] })
    }
}

/// The middle and the ends of some samples.
struct Summary: Encodable {
    let median: Double
    let min: Double
    let max: Double

    init?(_ samples: [Double]) {
        let sorted = samples.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        let middle = sorted.count / 2
        median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        min = first
        max = last
    }
}
