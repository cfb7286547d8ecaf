internal import ArgumentParser
internal import Plait

/// `plait lab threads`: the classic experiments with threads. Each is a few lines over Plait's
/// public interface, to read beside its output.
struct ThreadsLab: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "threads",
        abstract: "The classic experiments with threads: races, locks, queues, deadlocks.",
        discussion: ThreadExperiment.all.map { "\($0.name): \($0.title)" }.joined(separator: "\n"))

    @Argument(help: "Experiments to run; all if none is given.")
    var names: [String] = []

    @Option(help: "The kind of the strands: thread or fiber.", transform: ThreadsLab.kind)
    var kind = StrandKind.thread

    @Option(help: "Factor of every pause; less than 1 is quicker.")
    var scale = 1.0

    @Flag(help: "Print the results as JSON, and nothing else, on standard output.")
    var json = false

    private static func kind(_ text: String) throws -> StrandKind {
        guard let kind = StrandKind(rawValue: text) else {
            throw ValidationError("'\(text)' is not a kind of strand; give thread or fiber")
        }
        return kind
    }

    func validate() throws {
        guard scale > 0 && scale <= 100 else {
            throw ValidationError("--scale \(scale): give more than 0, up to 100")
        }
        for name in names where !ThreadExperiment.all.contains(where: { $0.name == name }) {
            let known = ThreadExperiment.all.map(\.name).joined(separator: ", ")
            throw ValidationError("'\(name)' is not an experiment; give one of \(known)")
        }
    }

    func run() throws {
        let wanted = ThreadExperiment.all.filter { names.isEmpty || names.contains($0.name) }
        var results: [Result] = []
        for experiment in wanted {
            var trial = ThreadTrial(kind: kind, scale: scale)
            try experiment.run(&trial)
            if json {
                results.append(Result(experiment, trial))
            } else {
                show(experiment, trial)
            }
        }
        if json { try LabOutput.write(json: ["experiments": results]) }
    }

    private func show(_ experiment: ThreadExperiment, _ trial: ThreadTrial) {
        let chart = TimelineChart(
            moments: trial.timeline.allMoments, spans: trial.timeline.allSpans)
        let lines = trial.lines.map { $0 + "\n" }.joined()
        StandardStream.output.write("\(experiment.name): \(experiment.title)\n\(chart)\(lines)\n")
    }

    private struct Result: Encodable {
        let name: String
        let facts: [String: Int]
        let lines: [String]
        let moments: [Timeline.Moment]
        let spans: [Timeline.Span]

        init(_ experiment: ThreadExperiment, _ trial: ThreadTrial) {
            name = experiment.name
            facts = trial.facts
            lines = trial.lines
            moments = trial.timeline.allMoments
            spans = trial.timeline.allSpans
        }
    }
}
