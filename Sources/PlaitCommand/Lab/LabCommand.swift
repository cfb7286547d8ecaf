internal import ArgumentParser
internal import Plait

/// `plait lab`: experiments that show the claims of the documentation on this machine.
struct LabCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab",
        abstract: "Run experiments on this machine; without a name, list them.",
        subcommands: [
            C10k.self, ThreadsLab.self, ProcessLab.self, Gil.self, C10kClients.self,
            ThreadFates.self,
        ])

    func run() {
        let rows =
            [
                ("c10k", "hold 10,000 connections with fibers, threads and processes, and compare"),
                (
                    "gil",
                    "an interpreter's threads under one lock: switching, convoys, lost updates"
                ),
                ("threads", "all of the following, the classic experiments:"),
            ] + ThreadExperiment.all.map { ("threads \($0.name)", $0.title) }
            + [("process", "all of the following, the classic experiments:")]
            + ProcessExperiment.all.map { ("process \($0.name)", $0.title) }
        let width = rows.map(\.0.count).max() ?? 0
        let lines = rows.map { name, title in
            "  \(name)\(String(repeating: " ", count: width - name.count))  \(title)\n"
        }
        StandardStream.output.write(
            """
            Experiments:
            \(lines.joined())\
            Run one with `plait lab NAME`; `plait lab NAME --help` lists its options.

            """)
    }
}
