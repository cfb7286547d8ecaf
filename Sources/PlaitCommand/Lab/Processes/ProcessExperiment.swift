/// One of the classic experiments with processes.
struct ProcessExperiment: Sendable {
    /// The name for `plait lab process`.
    let name: String
    /// What the experiment shows, in one line.
    let title: String
    /// Runs the experiment and tells what was seen.
    let run: @Sendable (inout ProcessTrial) throws -> Void

    static let all: [ProcessExperiment] = [
        .queue, .pipe, .value, .pool, .manager, .zombie, .orphan,
    ]
}

/// One run of an experiment, with its results.
struct ProcessTrial: Encodable {
    let name: String
    /// What happened, in order, and what it means.
    private(set) var lines: [String] = []
    /// Numbers by name, for programs that read the result.
    private(set) var facts: [String: Int] = [:]

    init(_ experiment: ProcessExperiment) { name = experiment.name }

    mutating func say(_ line: String) { lines.append(line) }
    mutating func record(_ name: String, _ value: Int) { facts[name] = value }
}
