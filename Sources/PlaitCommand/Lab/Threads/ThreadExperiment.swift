internal import Plait

/// One of the classic experiments with threads.
struct ThreadExperiment: Sendable {
    /// The name for `plait lab threads`.
    let name: String
    /// What the experiment shows, in one line.
    let title: String
    /// Runs the experiment and tells what was seen, one line for each fact.
    let run: @Sendable (inout ThreadTrial) throws -> Void

    static let all: [ThreadExperiment] = [
        .lostUpdate, .tickets, .embrace, .trafficLight, .workers, .consumers, .joining, .sleepers,
        .perStrand,
    ]
}

/// One run of an experiment, with its settings and its results.
struct ThreadTrial {
    /// The kind of the strands.
    let kind: StrandKind
    /// The factor of all pauses: one, or less for a quick test.
    let scale: Double
    let timeline = Timeline()
    /// Lines that explain what was seen.
    private(set) var lines: [String] = []
    /// Numbers by name, for programs that read the result.
    private(set) var facts: [String: Int] = [:]

    /// A pause of `milliseconds`, scaled.
    func pause(_ milliseconds: Int) -> Duration {
        .microseconds(Int(Double(milliseconds) * 1_000 * scale))
    }

    /// Starts a strand of the trial's kind.
    @discardableResult
    func start<Success: Sendable>(
        _ name: String, _ body: @escaping @Sendable () throws -> Success
    ) -> JoinHandle<Success> {
        spawn(kind: kind, name: name, body)
    }

    mutating func say(_ line: String) { lines.append(line) }
    mutating func record(_ name: String, _ value: Int) { facts[name] = value }
}
