import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitStrands
import TestSupport
import Testing

/// `fork` in a program with one thread: see `ForkProbe`.
@Suite(.timeLimit(.hang))
struct ForkTests {
    private func run(_ probe: String...) async throws -> [String] { try await forkProbe(probe) }

    @Test func `a forked child's end is its status`() async throws {
        let lines = try await run("status")
        #expect(
            lines == ["exit code 0", "exit code 1", "signal 9 (Killed)", "false signal 9 (Killed)"])
    }

    @Test func `what the parent has printed is not printed twice`() async throws {
        #expect(try await run("output") == ["parent", "child", "parent again"])
    }

    @Test func `a forked child has no fiber of its parent's`() async throws {
        let lines = try await run("hub")
        #expect(lines.sorted() == ["exit code 0", "the child's fiber", "the parent's fiber"])
    }

    @Test func `a listener that the child has closed ends with the parent's`() async throws {
        #expect(try await run("listener") == ["accepts false", "closed", "exit code 0"])
    }

    @Test func `functions run in forked children, and end in each way`() async throws {
        let lines = try await run("functions")
        #expect(
            lines.dropLast() == [
                "42", "Refused(number: 3)", "Plain Plain()",
                "WorkerCrashed false", "Nothing()", "TimedOut", "signal 9 (Killed)", "[21, 21]",
            ])
        // The error names the threads.
        #expect(
            lines.last?.hasPrefix("fork refused: the process has 2 threads (ForkProbe, ") == true)
    }

    @Test func `a second thread makes fork refuse`() async throws {
        #expect(try await run("threads") == ["2"])
    }

    // TH-063, TH-066, TH-077
    @Test func `a forked child has one thread, its main one`() async throws {
        let lines = try await run("main")
        #expect(
            lines == [
                "true true", "true true true", "true true", #"["main"] ["main"]"#, "exit code 0",
            ])
    }

    // TH-064
    @Test func `strands of the parent's have ended for a forked child`() async throws {
        let lines = try await run("strands")
        #expect(
            lines == [
                "false false false 1",
                "parents runs in the parent: a forked child begins with the strand that forked it "
                    + "alone", "2", "2", "exit code 0", "true true",
            ])
    }

    // TH-010, EV-121
    @Test func `a forked child can release and take the locks that were held`() async throws {
        let lines = try await run("locks")
        #expect(
            lines == [
                "false true true", "true true", "true true", "true true", "true", "exit code 0",
                "false true true", "the parent's waiter",
            ])
    }

    // TH-074, GV-263
    @Test func `a forked child waits for its threads at its end`() async throws {
        let lines = try await run("end")
        let ends = ["the child's action", "the child's thread"]
        #expect(lines.count == 8)
        #expect(lines.first == "the child's body")
        #expect(lines[1...2].sorted() == ends)
        #expect(lines[3] == "exit code 0")
        #expect(lines[4...5].sorted() == ends)
        #expect(lines[6...] == ["exit code 1", "the parent's action"])
    }

    @Test func `a forked child is reaped when it is looked at, or with the next one`() async throws
    {
        let lines = try await run("reaping")
        #expect(
            lines == [
                "zombie 1", "exit code 0 true", "0", "true exit code 0",
                "exit code 0 signal 9 (Killed)", "true",
            ])
    }

    // GV-283
    @Test func `starts that fail leave nothing behind`() async throws {
        #expect(try await run("failures") == ["200 0 0", "0 0"])
    }

    @Test func `forked children know their names and parents`() async throws {
        let lines = try await run("identity")
        #expect(
            lines == [
                "true", "top of main: true, true", "level-2 of top: true, true",
                "level-1 of level-2: true, true", "true", "true true", "exit code 0 main true",
            ])
    }

    // GV-180
    @Test func `thread pools work in a forked child`() async throws {
        let lines = try await run("pools")
        #expect(lines == ["30 true", "exit code 0", "30 true", "exit code 0"])
    }

    @Test(arguments: ["daemons", "forked-daemons"])
    func `children that are daemons end with their parent, and others do not`(
        _ probe: String
    ) async throws {
        let lines = try await run(probe)
        #expect(lines.first == "true true false")
        let pids = lines.dropFirst().compactMap { Int32($0) }
        try #require(pids.count == 3)
        // Reaped by the program at its end.
        #expect(processState(pids[0]) == nil && processState(pids[1]) == nil)
        #expect(processState(pids[2]) != nil)
        try PlaitPlatform.send(.kill, toProcess: pids[2])
    }

    @Test func `orphans become a subreaper's, and their ends are told`() async throws {
        #expect(try await run("orphans") == ["5 true", "true true", "4 true"])
    }

    // MP-017
    @Test func `an error that escapes a forked child is on standard error before it ends`()
        async throws
    {
        let said = try await onThread {
            let child = try ChildProcess.start(try Built.program("ForkProbe"), ["stderr"], piped)
            return text(try child.errorOutput!.readToEnd())
        }
        #expect(said.hasPrefix("plait: forked process "))
        #expect(said.hasSuffix(": Failure()\n"))
    }

    // MP-116
    @Test func `a child does not reach the main that starts it`() async throws {
        #expect(try await run("main again") == ["main", "2", "2"])
    }

    @Test func `forking again and again hangs nothing, whatever fibers are in the middle of`()
        async throws
    {
        let count = isStressed ? 10_000 : 1_000
        #expect(try await run("many", "\(count)") == ["forks \(count) failed 0"])
    }

    @Test func `a forked child dies with its parent`() async throws {
        try await onThread {
            let parent = try ChildProcess.start(try Built.program("ForkProbe"), ["parent"], piped)
            let pid = try #require(Int32(try parent.output!.readLine() ?? ""))
            #expect(processState(pid) != nil)
            parent.kill()
            #expect(try parent.join() == .signal(.kill))
            // The new parent may take its time to reap it.
            while let state = processState(pid), state != "Z" { Strand.yield() }
        }
    }
}
