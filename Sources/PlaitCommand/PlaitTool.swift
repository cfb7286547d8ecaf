internal import ArgumentParser

/// The command `plait`.
@main
struct PlaitTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plait",
        abstract: "Processes, threads and fibers on one waiting mechanism.",
        version: "0.2.0",
        subcommands: [ServeCommand.self, LabCommand.self])
}

/// Why a command cannot do its work, in one line for people.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
