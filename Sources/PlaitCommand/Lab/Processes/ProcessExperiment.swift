/// One of the classic experiments with processes.
struct ProcessExperiment: Sendable {
    /// As it is given to `plait lab process`.
    let name: String
    /// What it shows, in a line.
    let title: String
    /// Runs it, and says what was seen.
    let run: @Sendable (inout ProcessTrial) throws -> Void

    static let all: [ProcessExperiment] = [
        .queue, .pipe, .value, .pool, .manager, .zombie, .orphan,
    ]
}

/// One run of an experiment: what it has to tell.
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
