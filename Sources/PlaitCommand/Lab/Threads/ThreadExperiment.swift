internal import Plait

/// One of the classic experiments with threads.
struct ThreadExperiment: Sendable {
    /// As it is given to `plait lab threads`.
    let name: String
    /// What it shows, in a line.
    let title: String
    /// Runs it, and says what was seen, a line each.
    let run: @Sendable (inout ThreadTrial) throws -> Void

    static let all: [ThreadExperiment] = [
        .lostUpdate, .tickets, .embrace, .trafficLight, .workers, .consumers, .joining, .sleepers,
        .perStrand,
    ]
}

/// One run of an experiment: what it is given, and what it has to tell.
struct ThreadTrial {
    /// What the strands run on.
    let kind: StrandKind
    /// One, or less for a test in a hurry: pauses are multiplied by it.
    let scale: Double
    let timeline = Timeline()
    /// Lines that explain what was seen.
    private(set) var lines: [String] = []
    /// Numbers by name, for programs that read the result.
    private(set) var facts: [String: Int] = [:]

    /// A pause of so many milliseconds, scaled.
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
