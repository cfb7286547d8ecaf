internal import ArgumentParser
internal import PlaitPlatform

/// `plait lab`: experiments that show on this machine what the documentation claims.
struct LabCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab",
        abstract: "Run experiments on this machine; without a name, list them.",
        subcommands: [C10k.self, ThreadsLab.self, Gil.self, C10kClients.self, ThreadFates.self])

    func run() {
        StandardStream.output.write(
            """
            Experiments:
              c10k     Hold 10,000 connections with fibers, threads and processes, and compare.
              gil      An interpreter's threads under one lock: switching, convoys, lost updates.
              threads  The classic experiments: races, locks, queues, deadlocks, daemons.
            Run one with `plait lab NAME`; `plait lab NAME --help` lists its options.

            """)
    }
}
