import PlaitPlatform
@testable import PlaitProcesses
import TestSupport
import Testing

/// Children of Swift tasks.
@Suite(.timeLimit(.hang))
struct ChildTasksTests {
    @Test func `a task starts a program and feeds it`() async throws {
        let child = try await ChildProcess.start("cat", [], piped)
        let result = try await child.communicate(input: Array("a line".utf8))
        #expect(result.output == Array("a line".utf8))
        #expect(try await child.join() == .code(0))
    }

    @Test func `a task runs a command`() async throws {
        let result = try await ChildProcess.run("sort", input: Array("b\na\n".utf8))
        #expect(try result.check().text == "a\nb\n")
        await #expect(throws: SystemError.self) { try await ChildProcess.run("/no/such/program") }
    }

    @Test(arguments: [StartMethod.forkServer, .spawn])
    func `a task starts a function`(_ method: StartMethod) async throws {
        let handle = try await spawn(.process, Twice.self, 21, method: method)
        let twice = try await handle.join()
        #expect(twice == 42)
    }

    @Test func `a task cannot fork`() async throws {
        await #expect(throws: MultiThreadedFork.self) {
            try await spawn(.process, Twice.self, 1, method: .fork)
        }
    }

    @Test func `tasks that run commands block no thread, and end them when they are cancelled`()
        async throws
    {
        let running = (0..<4 * processorCount).map { _ in
            Task { try await ChildProcess.run("sleep", ["3600"], piped) }
        }
        // More than Swift has threads: this one goes on.
        try await until { CurrentProcess.children.count { $0.name == "sleep" } >= running.count }
        for task in running { task.cancel() }
        for task in running {
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `a task's join gives up at its limit`() async throws {
        let child = try await ChildProcess.start("cat", [], piped)
        await #expect(throws: TimedOut.self) { try await child.join(within: .zero) }
        child.close()
        #expect(try await child.join() == .signal(.kill))
    }
}
