internal import ArgumentParser
internal import Foundation
internal import Plait

/// `plait lab c10k`: many connections at the same time, on each model.
struct C10k: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "c10k",
        abstract: "Hold 10,000 connections with fibers, threads and processes, and compare.",
        discussion: """
            For each model an echo server and its clients run as processes of their own on this \
            machine. Every client exchanges messages one after another, without a pause, and checks \
            each byte: the figures are those of a server under full load. Memory is what the server \
            and its children have written and share with nobody, without the kernel's own.

            Exits with 1 if a client failed or was not held to the end.
            """)

    @Option(help: "Clients; threads are capped at 4,000 and processes at 1,000.")
    var clients = 10_000

    @Option(help: "Models, with commas between them.", transform: C10k.models)
    var models = Model.allCases

    @Option(help: "Seconds that messages are exchanged, for each model.")
    var seconds = 8.0

    @Option(help: "Bytes of the largest message, up to 65536; the smallest has 16.")
    var size = 1_024

    @Option(help: "Seed of the messages and their sizes.")
    var seed: UInt64 = 1

    @Flag(help: "Print the results as JSON, and nothing else, on standard output.")
    var json = false

    private static func models(_ text: String) throws -> [Model] {
        try text.split(separator: ",").map { word in
            guard let model = Model(rawValue: word.trimmingCharacters(in: .whitespaces)) else {
                throw ValidationError("'\(word)' is not a model; give fiber, thread or process")
            }
            return model
        }
    }

    func validate() throws {
        guard (1...1_000_000).contains(clients) else {
            throw ValidationError("--clients \(clients): give 1 to 1000000")
        }
        guard seconds > 0 && seconds <= 86_400 else {
            throw ValidationError("--seconds \(seconds): give more than 0, up to a day")
        }
        guard (1...65_536).contains(size) else {
            throw ValidationError("--size \(size): give 1 to 65536")
        }
        guard !models.isEmpty else { throw ValidationError("--models names none") }
    }

    func run() throws {
        let main = Strand.current
        let signals = try StopSignals { _ in main.cancel() }
        let progress = ProgressLine()
        var results: [C10kResult] = []
        var notes: [String] = []
        for model in models where signals.received == nil {
            let (result, said) = try self.result(of: model, progress)
            results.append(result)
            notes += said
        }
        progress.clear()
        if let signal = signals.received { notes.append("ended early by \(signal)") }
        try show(results, notes)
        if let signal = signals.received { throw ExitCode(signal.exitCode) }
        if !results.allSatisfy(\.isGood) { throw ExitCode.failure }
    }

    private func result(
        of model: Model, _ progress: ProgressLine
    ) throws -> (C10kResult, notes: [String]) {
        var notes: [String] = []
        var wanted = clients
        if let cap = model.cap, wanted > cap.clients {
            wanted = cap.clients
            notes.append(
                "\(model.rawValue): capped at \(cap.clients.grouped) clients; \(cap.reason)")
        }
        var result = C10kResult(model: model, clients: wanted)
        let possible = descriptors(for: wanted)
        if possible < wanted {
            notes.append(
                """
                \(model.rawValue): the descriptor limit allows \(possible.grouped) clients; raise it \
                with ulimit -n
                """)
        }
        let trial = C10kTrial(
            model: model, clients: possible, seconds: seconds, largest: size, seed: seed,
            progress: progress)
        do {
            if let error = try trial.run(into: &result) {
                notes.append("\(model.rawValue): \(error)")
            }
        } catch is CancellationError {
            notes.append("\(model.rawValue): ended before there was a figure")
        } catch {
            result.errors += 1
            notes.append("\(model.rawValue): \(error)")
        }
        return (result, notes)
    }

    /// The number of clients, up to `wanted`, for which there are descriptors. The server and the
    /// clients inherit the limit, and each of them has one descriptor for each client.
    private func descriptors(for wanted: Int) -> Int {
        let spare = 64
        let limit = DescriptorLimit.raise(to: wanted + spare)
        return max(1, min(wanted, limit - spare))
    }

    private func show(_ results: [C10kResult], _ notes: [String]) throws {
        guard json else {
            StandardStream.output.write("\(C10kTable(results: results, notes: notes))")
            return
        }
        for note in notes { StandardStream.error.write(note + "\n") }
        try LabOutput.write(json: C10kResults(results: results))
    }
}

extension Model {
    /// The largest number of clients. More would measure the machine's limits and not the model.
    fileprivate var cap: (clients: Int, reason: String)? {
        switch self {
        case .fiber: nil
        case .thread: (4_000, "each has an operating-system thread with a stack of its own")
        case .process: (1_000, "each has a process of its own")
        }
    }
}
