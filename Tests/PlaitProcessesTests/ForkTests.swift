import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitStrands
import TestSupport
import Testing

/// `fork` in a program with one thread: see `ForkProbe`.
@Suite(.timeLimit(.minutes(1)))
struct ForkTests {
    /// What the probe prints, line by line.
    private func run(_ probe: String) async throws -> [String] {
        try await onThread {
            let child = try ChildProcess.start(try Built.program("ForkProbe"), [probe], piped)
            let lines = text(try child.output!.readToEnd()).split(separator: "\n").map(String.init)
            #expect(try child.join() == .code(0))
            return lines
        }
    }

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

    @Test func `a second thread makes fork refuse`() async throws {
        #expect(try await run("threads") == ["2"])
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
