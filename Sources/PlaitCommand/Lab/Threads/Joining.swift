internal import ArgumentParser
internal import Plait

extension ThreadExperiment {
    /// What the end of a program does with its threads, seen from outside on three programs.
    static let joining = ThreadExperiment(
        name: "joining", title: "two tasks that are joined, that are not, and that are daemons"
    ) { trial in
        for fate in ThreadFate.allCases {
            let lines = try outputOfProgram(fate, trial)
            trial.record("\(fate.rawValue)Ended", lines.count { $0.hasSuffix("has ended") })
            let isMainLast = lines.last?.hasPrefix("main") == true
            trial.record("\(fate.rawValue)MainLast", isMainLast ? 1 : 0)
        }
        trial.say(
            "Joined, main goes on after both. Not joined, main is done first, and the program")
        trial.say("waits for them all the same. Daemons end where they are when the program does.")
    }

    private static func outputOfProgram(
        _ fate: ThreadFate, _ trial: ThreadTrial
    ) throws -> [String] {
        var options = ChildProcess.Options()
        options.input = .null
        options.output = .pipe
        options.parentDeathSignal = .kill
        let child = try ChildProcess.start(
            "/proc/self/exe",
            ["lab", "thread-fates", fate.rawValue, "--scale", "\(trial.scale)"], options)
        var lines: [String] = []
        while let line = try child.output?.readLine() {
            trial.timeline.note("\(fate.rawValue): \(line)")
            lines.append(line)
        }
        let status = try child.join()
        guard status == .code(0) else {
            throw CommandFailure("the program of '\(fate.rawValue)' threads ended by \(status)")
        }
        return lines
    }
}

/// What becomes of threads when `main` is done.
enum ThreadFate: String, CaseIterable, ExpressibleByArgument {
    case joined, left, daemon
}

/// `plait lab thread-fates`: a program with two threads, for the experiment above.
struct ThreadFates: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "thread-fates", shouldDisplay: false)

    @Argument var fate: ThreadFate
    @Option var scale = 1.0

    func run() throws {
        // Daemons would run for a minute if the program waited for them.
        let pause = Duration.microseconds(fate == .daemon ? 60_000_000 : Int(200_000 * scale))
        let mainIsDone = Event()
        let firstHasEnded = Event()
        let threads = (1...2).map { number in
            spawn(.thread, name: "task \(number)", isDaemon: fate == .daemon) {
                if fate == .left { try mainIsDone.wait() }
                try Strand.sleep(for: pause * number)
                // The longer sleep alone would not put it second on a busy processor.
                if number == 2 { try firstHasEnded.wait() }
                StandardStream.output.write("task \(number) has ended\n")
                firstHasEnded.set()
            }
        }
        if fate == .joined { for thread in threads { try thread.join() } }
        StandardStream.output.write("main is done\n")
        mainIsDone.set()
    }
}
