internal import ArgumentParser
internal import Foundation
internal import Plait
internal import PlaitMachine

/// `plait lab gil`: how one lock around an interpreter affects its threads.
struct Gil: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gil",
        abstract: "Run an interpreter's threads under one lock, and see what it does to them.",
        discussion: """
            A small bytecode machine with threads, under a lock such as CPython's: two threads that \
            compute against one, an echo thread beside one that computes, and the lost update of \
            `count += 1`.

            Programs of your own can be run and disassembled:

              var count = 0                     # global; in a function: local
              var guard = lock()
              fn add(n) {
                  while n > 0 {
                      acquire(guard)
                      count += 1
                      release(guard)
                      n -= 1
                  }
              }
              var one = spawn add(1000)
              add(1000)
              join(one)
              if count == 2000 { print("right:", count) } else { print("wrong") }

            There are integers, strings, none; + - * / % == != < <= > >= and or not; if, else, while, \
            break, continue, return; len, str, int, sleep(milliseconds), receive and send (a line of \
            standard input and output). What is compiled is kept in FILEc beside the program.
            """)

    @Option(help: "Seconds for all experiments together, about.")
    var seconds = 10.0

    @Option(
        help: "Milliseconds after which a waiter asks for the lock, with commas between several.",
        transform: Gil.intervals)
    var interval: [Duration] = [.milliseconds(5), .microseconds(500), .microseconds(50)]

    @Option(help: "Instructions after which a thread offers the lock, where that is the policy.")
    var ticks = 100

    @Flag(help: "Print the results as JSON, and nothing else, on standard output.")
    var json = false

    @Option(help: "Print the machine's code of a program, and do nothing else.")
    var disassemble: String?

    @Option(
        name: .customLong("run"), help: "Run a program under the first interval, and only that.")
    var program: String?

    private static func intervals(_ text: String) throws -> [Duration] {
        try text.split(separator: ",").map { word in
            guard let milliseconds = Double(word.trimmingCharacters(in: .whitespaces)),
                (0.001...60_000).contains(milliseconds)
            else { throw ValidationError("'\(word)': give 0.001 to 60000 milliseconds") }
            return .microseconds(Int64((milliseconds * 1_000).rounded()))
        }
    }

    func validate() throws {
        guard seconds >= 0.1 && seconds <= 3_600 else {
            throw ValidationError("--seconds \(seconds): give 0.1 to 3600")
        }
        guard !interval.isEmpty else { throw ValidationError("--interval names none") }
        guard ticks >= 1 else { throw ValidationError("--ticks \(ticks): give 1 or more") }
        guard disassemble == nil || program == nil else {
            throw ValidationError("give --run or --disassemble, not both")
        }
    }

    func run() throws {
        if let disassemble {
            let bytecode = try inFile(disassemble) { try BytecodeCache(path: disassemble).load().0 }
            StandardStream.output.write("\(Disassembler(bytecode: bytecode))")
        } else if let program {
            try inFile(program) { try run(program) }
        } else {
            try experiment()
        }
    }

    /// Adds the name of the file to an error of a program.
    private func inFile<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ProgramError {
            throw CommandFailure("\(path): \(error)")
        }
    }

    private func run(_ path: String) throws {
        let (bytecode, _) = try BytecodeCache(path: path).load()
        let machine = Machine(
            LoadedProgram(bytecode), .interval(interval[0]), connection: ConsoleConnection()
        ) { StandardStream.output.write($0 + "\n") }
        try machine.run()
    }

    private func experiment() throws {
        let main = Strand.current
        let signals = try StopSignals { _ in main.cancel() }
        let progress = ProgressLine()
        let experiments = GilExperiments(
            seconds: seconds, intervals: interval, ticks: ticks, progress: progress)
        var results = GilResults()
        var notes: [String] = []
        do {
            results.computation = try experiments.computation()
            try experiments.echoes { results.echo.append($0) }
            results.lostUpdate = try experiments.lostUpdate()
        } catch is CancellationError {
            notes.append("ended early by \(signals.received.map { "\($0)" } ?? "cancellation")")
        }
        progress.clear()
        try show(results, notes)
        if let signal = signals.received { throw ExitCode(signal.exitCode) }
    }

    private func show(_ results: GilResults, _ notes: [String]) throws {
        guard json else {
            StandardStream.output.write("\(GilReport(results: results, notes: notes))")
            return
        }
        for note in notes { StandardStream.error.write(note + "\n") }
        try LabOutput.write(json: results)
    }
}

/// The messages of a lab program on standard input and output, one line each.
private struct ConsoleConnection: ProgramConnection {
    func receive() throws -> String { readLine() ?? "" }
    func send(_ text: String) throws { StandardStream.output.write(text + "\n") }
}
