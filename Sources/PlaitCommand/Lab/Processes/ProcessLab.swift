internal import ArgumentParser
internal import Foundation
internal import Plait

/// `plait lab process`: the classic experiments with processes. Each is a few lines over Plait's
/// public interface, to read beside its output.
struct ProcessLab: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "process",
        abstract: "The classic experiments with processes: queues, pipes, pools, zombies.",
        discussion: ProcessExperiment.all.map { "\($0.name): \($0.title)" }
            .joined(separator: "\n"))

    @Argument(help: "Experiments to run; all if none is given.")
    var names: [String] = []

    @Flag(help: "Print the results as JSON, and nothing else, on standard output.")
    var json = false

    func validate() throws {
        for name in names where !ProcessExperiment.all.contains(where: { $0.name == name }) {
            let known = ProcessExperiment.all.map(\.name).joined(separator: ", ")
            throw ValidationError("'\(name)' is not an experiment; give one of \(known)")
        }
    }

    func run() throws {
        var trials: [ProcessTrial] = []
        for experiment in ProcessExperiment.all
        where names.isEmpty || names.contains(experiment.name) {
            var trial = ProcessTrial(experiment)
            try experiment.run(&trial)
            trials.append(trial)
            if !json {
                let lines = trial.lines.map { "  \($0)\n" }.joined()
                StandardStream.output.write("\(experiment.name): \(experiment.title)\n\(lines)\n")
            }
        }
        if json { try LabOutput.write(json: ["experiments": trials]) }
    }
}

/// The output of experiments for other programs.
enum LabOutput {
    static func write(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let text = String(decoding: try encoder.encode(value), as: UTF8.self)
        StandardStream.output.write(text + "\n")
    }
}
