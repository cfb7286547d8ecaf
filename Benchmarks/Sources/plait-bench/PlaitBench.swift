import ArgumentParser
import Foundation

/// Measures Plait beside C floors and a peer, in one run, and compares each figure with its target.
@main
struct PlaitBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plait-bench",
        abstract: "Measures Plait beside C floors and a peer in one run.",
        discussion: """
            Every program of a figure runs once a round, in turn, on core 0, or on cores 0 and 1 \
            if its threads need both; the load generator runs on core 1. The table shows medians. \
            The exit status is 1 if a target is missed or a program fails. Go's column is there \
            where Go is installed.
            """)

    @Option(help: "How often each program of a figure runs.")
    var rounds = 5

    @Option(help: "Seconds that a load lasts.")
    var seconds = 3.0

    @Option(help: "Measure only figures whose name contains this text.")
    var only: String?

    @Option(help: "Write the rows to this file as JSON.")
    var json: String?

    @Flag(help: "Print the figures and their targets, and measure nothing.")
    var list = false

    func validate() throws {
        guard rounds > 0 else { throw ValidationError("--rounds must be at least 1.") }
        guard seconds > 0 else { throw ValidationError("--seconds must be above 0.") }
        guard !figures.isEmpty else {
            throw ValidationError("No figure has '\(only ?? "")' in its name.")
        }
    }

    func run() throws {
        if list {
            for figure in figures {
                print(figure.name, figure.target, figure.unit, separator: "  ")
            }
            return
        }
        guard ProcessInfo.processInfo.activeProcessorCount > 1 else {
            throw ValidationError("Two cores are needed: one for the program, one for the load.")
        }
        var bench = Bench(programs: try Programs(), rounds: rounds, seconds: seconds)
        let samples = bench.measure(figures)
        let rows = figures.map { Row($0, samples: samples) }
        print(Table(rows: rows))
        if let json { try write(rows, to: json) }
        if rows.contains(where: { $0.verdict.isBad }) { throw ExitCode.failure }
    }

    private var figures: [Figure] {
        guard let only else { return Figure.all }
        return Figure.all.filter { $0.name.localizedCaseInsensitiveContains(only) }
    }

    private func write(_ rows: [Row], to file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(rows).write(to: URL(fileURLWithPath: file))
    }
}
