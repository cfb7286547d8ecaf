import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import TestSupport
import Testing

/// No child stays a zombie, whether or not somebody joins it. Those of a process that only forks:
/// see `ForkTests`.
@Suite(.timeLimit(.hang))
struct ReapingTests {
    /// With pipes, and for tests that leave the thread which starts the child.
    private var lasting: ChildProcess.Options {
        var options = piped
        options.parentDeathSignal = nil
        return options
    }

    @Test func `a child that is kept and never looked at is no zombie`() async throws {
        let child = try await onThread { try ChildProcess.start("true") }
        try await until { processState(child.pid) == nil }
        // Its status was kept.
        #expect(child.exitStatus == .code(0))
    }

    @Test func `a child that was dropped is no zombie`() async throws {
        let pid = try await onThread { try ChildProcess.start("sh", ["-c", "exit 3"]).pid }
        try await until { processState(pid) == nil }
        #expect(!CurrentProcess.children.contains { $0.pid == pid })
    }

    @Test func `none of many that end at once is a zombie`() async throws {
        let pids = try await onThread {
            // They end together, when their common input does.
            let first = try ChildProcess.start("cat", [], piped)
            let children = try (0..<100).map { _ in try ChildProcess.start("cat", [], piped) }
            for child in [first] + children { child.input?.close() }
            return ([first] + children).map(\.pid)
        }
        try await until { pids.allSatisfy { processState($0) == nil } }
    }

    @Test func `who joins a child that was reaped by nobody's wish has its status`() async throws {
        try await onThread {
            let child = try ChildProcess.start("sh", ["-c", "exit 9"])
            while processState(child.pid) != nil { Strand.yield() }
            #expect(try child.join(within: .zero) == .code(9))
            #expect(try spawn(.fiber) { try child.join() }.join() == .code(9))
        }
    }

    @Test func `tasks join a child, as many as like`() async throws {
        let child = try await onThread { try ChildProcess.start("cat", [], lasting) }
        await #expect(throws: TimedOut.self) { try await child.join(within: .milliseconds(1)) }
        try await withThrowingTaskGroup(of: PlaitProcesses.ExitStatus?.self) { group in
            for _ in 0..<10 { group.addTask { try await child.join() } }
            child.input?.close()
            for try await status in group { #expect(status == .code(0)) }
        }
        #expect(try await child.join(within: .zero) == .code(0))
    }

    @Test func `a task's join can be cancelled`() async throws {
        let child = try await onThread { try ChildProcess.start("cat", [], lasting) }
        let joining = Task { try await child.join() }
        joining.cancel()
        await #expect(throws: CancellationError.self) { try await joining.value }
        #expect(child.isAlive)
        child.kill()
        #expect(try await child.join() == .signal(.kill))
    }

    @Test func `a callback may start children, the first of a program as well`() async throws {
        #expect(try await forkProbe("callback") == ["started", "exit code 0"])
    }

    @Test func `a strand that was cancelled starts children, and is told afterwards`() async throws
    {
        try await onThread {
            let starting = spawn(.fiber) {
                let child = try ChildProcess.start("cat", [], piped)
                defer { child.close() }
                return try child.join()
            }
            starting.cancel()
            #expect(throws: CancellationError.self) { try starting.join() }
        }
    }

    // AS-386
    @Test func `a signal that races with the end hits the child or nobody`() async throws {
        try await onThread {
            let bystander = try ChildProcess.start("cat", [], piped)
            for _ in 0..<200 {
                let child = try ChildProcess.start("true")
                let sending = spawn(.thread) { try child.send(.hangup) }
                let status = try child.join()
                #expect(status == .code(0) || status == .signal(.hangup))
                try sending.join()
                try child.send(.kill)
                #expect(child.exitStatus == status)
            }
            #expect(bystander.isAlive)
            bystander.close()
            #expect(try bystander.join() == .signal(.kill))
        }
    }
}
