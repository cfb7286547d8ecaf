import Foundation
import Glibc
import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitStrands
import TestSupport
import Testing

/// The end of a program: see `ThreadProbe`.
@Suite(.timeLimit(.hang))
struct ProgramEndTests {
    /// What the probe prints, line by line, and how it ends.
    private func run(_ probe: String) async throws -> (
        lines: [String], status: PlaitProcesses.ExitStatus?
    ) {
        try await onThread {
            let child = try ChildProcess.start(try Built.program("ThreadProbe"), [probe], piped)
            let lines = text(try child.output!.readToEnd()).split(separator: "\n").map(String.init)
            return (lines, try child.join())
        }
    }

    /// Options of a probe whose standard error is read, too.
    private func heard(without variable: String) -> ChildProcess.Options {
        var options = piped
        options.errorOutput = .pipe
        options.environment = ProcessInfo.processInfo.environment
        options.environment?[variable] = nil
        return options
    }

    // MARK: A list of strands

    @Test func `a program that gets SIGQUIT lists its strands and goes on`() async throws {
        try await onThread {
            let child = try ChildProcess.start(
                try Built.program("ThreadProbe"), ["dump"], heard(without: "SWIFT_BACKTRACE"))
            #expect(try child.output!.readLine() == "ready")
            let wanted = [
                "thread main: Queue.get on jobs", "thread keeper (daemon): runs",
                "thread clerk (daemon): Lock.acquire on accounts, held by keeper",
                "fiber getter: Queue.get on jobs",
            ]
            var seen: Set<String> = []
            while seen.count < wanted.count {
                try child.send(Signal(number: SIGQUIT))
                // As many lines as there are strands, behind a first one.
                guard try child.errorOutput!.readLine()?.contains("strands of process") == true
                else { break }
                seen = []
                for _ in 0..<5 {
                    let line = try child.errorOutput!.readLine() ?? ""
                    for start in wanted where line.hasPrefix("  " + start) { seen.insert(start) }
                }
            }
            #expect(seen == Set(wanted))
            child.kill()
            #expect(try child.join() == .signal(.kill))
        }
    }

    /// No thread sleeps when the question comes.
    @Test func `the list comes when a thread sleeps at last, also where the backtracer is on`()
        async throws
    {
        try await onThread {
            let child = try ChildProcess.start(
                try Built.program("ThreadProbe"), ["dump-early"], heard(without: "SWIFT_BACKTRACE"))
            #expect(try child.output!.readLine() == "ready")
            try child.send(Signal(number: SIGQUIT))
            let first = try child.errorOutput!.readLine()
            #expect(first?.contains("strands of process") == true)
            child.kill()
            #expect(try child.join() == .signal(.kill))
        }
    }

    // MARK: All asleep

    @Test func `a handler of signals and an alarm keep a program that is all asleep from ending`()
        async throws
    {
        try await onThread {
            let child = try ChildProcess.start(
                try Built.program("ThreadProbe"), ["asleep-handler"], piped)
            #expect(try child.output!.readLine() == "ready")
            // Longer than a thread sleeps before it looks whether all do.
            usleep(300_000)
            try child.send(.user1)
            #expect(try child.join() == .code(7))
        }
        let (_, report, status) = try await runAsleep("asleep-alarm")
        #expect(status == .signal(Signal(number: SIGALRM)))
        #expect(report == "")
    }

    /// What a probe that hangs says on standard error, and how it ends.
    private func runAsleep(_ probe: String) async throws -> (
        output: String, report: String, status: PlaitProcesses.ExitStatus
    ) {
        try await onThread {
            let result = try ChildProcess.run(
                Built.program("ThreadProbe").description, [probe],
                heard(without: "PLAIT_ASLEEP"))
            return (text(result.output), text(result.errorOutput), result.status)
        }
    }

    @Test func `a program whose strands all wait for each other ends, and lists the waits`()
        async throws
    {
        let (output, report, status) = try await runAsleep("asleep")
        #expect(output == "before\n")
        #expect(status == .code(2))
        #expect(report.contains("all strands are asleep"))
        #expect(report.contains("main: Queue.get"))
        #expect(report.contains("worker: Strand.join on helper"))
        #expect(report.contains("helper: Queue.get"))
    }

    // gevent's LoopExit.
    @Test func `a program of one thread whose fibers all wait ends, and lists them`() async throws {
        let (_, report, status) = try await runAsleep("asleep-fibers")
        #expect(status == .code(2))
        for number in 1...3 { #expect(report.contains("getter-\(number): Queue.get")) }
    }

    @Test func `whatever may wake a strand keeps the program from ending`() async throws {
        let (output, report, status) = try await runAsleep("asleep-awake")
        #expect(
            output.split(separator: "\n") == [
                "a timer", "a thread in a call", "a task", "a thread of others", "a descriptor",
            ])
        #expect(report == "")
        #expect(status == .code(0))
    }

    // TH-058, TH-073, GV-262
    @Test func `threads are waited for, and go on when main has ended`() async throws {
        let (lines, status) = try await run("join")
        #expect(lines == ["main ends", "main has ended: true"])
        #expect(status == .code(0))
    }

    // TH-057
    @Test func `a daemon is not waited for, and the exit code is kept`() async throws {
        let (lines, status) = try await run("daemon")
        #expect(lines.isEmpty)
        #expect(status == .code(7))
    }

    // TH-076
    @Test func `daemons that are busy while the process ends do no harm`() async throws {
        for _ in 0..<10 {
            let (lines, status) = try await run("busy-daemons")
            #expect(lines == ["main ends"])
            #expect(status == .code(0))
        }
    }

    @Test func `a thread that calls exit does not wait for itself`() async throws {
        let (lines, status) = try await run("exit-in-thread")
        #expect(lines == ["another thread"])
        #expect(status == .code(3))
    }

    @Test func `an exit in a pool's worker waits for the other workers`() async throws {
        let (lines, status) = try await run("exit-in-worker")
        #expect(lines == ["another worker"])
        #expect(status == .code(8))
    }

    @Test func `an exit in a blocking call ends the program, though others wait behind it`()
        async throws
    {
        let (_, status) = try await run("exit-in-blocking")
        #expect(status == .code(9))
    }

    @Test func `an exit in a fiber lets the other fibers go on`() async throws {
        let (lines, status) = try await run("exit-in-fiber")
        #expect(lines == ["another fiber", "a thread"])
        #expect(status == .code(4))
    }

    @Test func `an exit in a callback waits for threads`() async throws {
        let (lines, status) = try await run("exit-in-callback")
        #expect(lines == ["a thread"])
        #expect(status == .code(5))
    }

    @Test func `who joins a strand that calls exit is told`() async throws {
        let (lines, status) = try await run("joined-exit")
        #expect(lines == ["true"])
        #expect(status == .code(6))
    }

    @Test func `threads that are started during the end are waited for`() async throws {
        let (lines, status) = try await run("late-threads")
        #expect(lines.sorted() == ["the first", "the second", "the third"])
        #expect(status == .code(0))
    }

    @Test func `threads that are waited for may use pools, old and new`() async throws {
        let (lines, status) = try await run("pools-after-main")
        #expect(lines == ["5", "6"])
        #expect(status == .code(0))
    }

    @Test func `joining the main thread may be the first use of Plait`() async throws {
        let (lines, status) = try await run("join-main-first")
        #expect(lines == ["main has ended"])
        #expect(status == .code(0))
    }

    @Test(arguments: [(nil, "false"), ("50", "true"), ("soon", "false")] as [(String?, String)])
    func `the environment starts the monitor of hubs`(
        _ value: String?, _ isRunning: String
    ) async throws {
        try await onThread {
            var options = piped
            options.environment = ProcessInfo.processInfo.environment
            options.environment?["PLAIT_HUB_MONITOR"] = value
            let child = try ChildProcess.start(
                try Built.program("ThreadProbe"), ["hub-monitor"], options)
            #expect(try child.communicate().text == isRunning + "\n")
        }
    }

    @Test func `fibers of the main thread are not waited for, but told of`() async throws {
        try await onThread {
            var options = piped
            options.errorOutput = .pipe
            let child = try ChildProcess.start(
                try Built.program("ThreadProbe"), ["main-fibers"], options)
            let result = try child.communicate()
            #expect(try result.text == "main ends\n")
            #expect(try result.errorText.contains("1 fiber was left at the end of the program"))
            #expect(try result.errorText.contains("waits in Event.wait"))
            #expect(result.status == .code(0))
        }
    }

    @Test func `a background hub that nobody stopped does not keep the program`() async throws {
        let (lines, status) = try await run("hub")
        #expect(lines == ["main ends"])
        #expect(status == .code(0))
    }

    @Test func `actions run last first, before threads are waited for`() async throws {
        let (lines, status) = try await run("actions")
        #expect(lines[0] == "true false false")
        #expect(
            lines.filter { $0 != "the thread's work" }.dropFirst() == ["second true", "first true"])
        #expect(lines.contains("the thread's work"))
        #expect(status == .code(0))
    }

    // TH-093
    @Test func `an action that is registered after the end began is an error`() async throws {
        let (lines, status) = try await run("late-action")
        #expect(lines == ["the program is ending: register actions for its end earlier"])
        #expect(status == .code(0))
    }

    // TH-092
    @Test func `an action runs once though the end is begun early`() async throws {
        let (lines, status) = try await run("forced")
        #expect(lines == ["once", "main ends"])
        #expect(status == .code(0))
    }

    // TH-070
    @Test func `locals that take long to be freed do not disturb the end`() async throws {
        for _ in 0..<10 {
            let (lines, status) = try await run("locals")
            #expect(lines == ["main ends"])
            #expect(status == .code(0))
        }
    }

    @Test func `an exit in a task waits for threads`() async {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent]
        ) {
            spawn(.thread) {
                while !ProgramEnd.hasBegun { Strand.yield() }
                StandardStream.error.write("the thread's work")
            }
            spawn(.thread, isDaemon: true) { try Strand.sleep(until: .never) }
            exit(0)
        }
        let output = text(result?.standardErrorContent ?? [])
        #expect(output.contains("the thread's work"))
    }

    // TH-082
    @Test func `an error that escapes a thread is reported with its name, and the rest goes on`()
        async throws
    {
        let result = try await onThread {
            let child = try ChildProcess.start(
                try Built.program("ThreadProbe"), ["uncaught"], piped)
            let report = text(try child.errorOutput!.readToEnd())
            return (text(try child.output!.readToEnd()), report, try child.join())
        }
        #expect(result.0 == "goes on\n")
        #expect(result.1.contains("strand unlucky ended with an error that nobody joined for"))
        #expect(result.2 == .code(0))
    }

    @Test func `the handler of an uncaught error may end the program`() async throws {
        let (lines, status) = try await run("fatal")
        #expect(lines == [])
        #expect(status == .code(3))
    }

    // TH-097
    @Test func `signals that a worker sends are handled on the main thread`() async throws {
        let (lines, status) = try await run("signals")
        #expect(lines == ["true true", "false true"])
        #expect(status == .code(0))
    }

    // TH-088, TH-089, TH-090, TH-091
    @Test func `a simulated signal reaches the main thread's watch, if there is one`() async throws
    {
        let (lines, status) = try await run("interrupt")
        let refused = [-1, 0, 65, 1_000_000].map { "Loop.simulate signal \($0)" }
        #expect(lines == ["true true", "true true"] + refused)
        #expect(status == .code(0))
    }
}
