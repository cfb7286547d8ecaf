import Foundation
import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct ChildProcessTests {
    @Test func `a child's exit code is its status`() async throws {
        try await onThread {
            let child = try ChildProcess.start("sh", ["-c", "exit 7"])
            #expect(try child.join() == .code(7))
            #expect(child.exitStatus == .code(7))
            #expect(!child.isAlive)
        }
    }

    @Test func `a killed child gives its signal`() async throws {
        try await onThread {
            let child = try ChildProcess.start("sleep", ["60"])
            #expect(child.isAlive)
            child.kill()
            #expect(try child.join() == .signal(.kill))
            let other = try ChildProcess.start("sleep", ["60"])
            other.terminate()
            #expect(try other.join() == .signal(.terminate))
        }
    }

    @Test func `a program that is not there throws and leaves no child`() async throws {
        try await onThread {
            let error = #expect(throws: SystemError.self) {
                try ChildProcess.start("/no/such/program")
            }
            #expect(error?.errno == .noSuchFileOrDirectory)
            #expect(error?.subject == "/no/such/program")
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `join gives up at its limit and the child goes on`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let child = try ChildProcess.start("cat", [], piped)
            #expect(try child.join(within: .milliseconds(10)) == nil)
            #expect(try child.join(within: .zero) == nil)
            child.input?.close()
            #expect(try child.join() == .code(0))
        }
    }

    @Test func `a join parks the fiber, and several may join`() async throws {
        try await onThread {
            let child = try ChildProcess.start("cat", [], piped)
            let joins = (0..<3).map { _ in spawn(.fiber) { try child.join() } }
            let closing = spawn(.fiber) { child.input?.close() }
            let thread = spawn(.thread) { try child.join() }
            for join in joins { #expect(try join.join() == .code(0)) }
            #expect(try thread.join() == .code(0))
            try closing.join()
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a join can be cancelled`(_ kind: StrandKind) async throws {
        try await onThread {
            let child = try ChildProcess.start("cat", [], piped)
            let join = spawn(kind: kind) { try child.join() }
            Strand.yield()
            join.cancel()
            #expect(throws: CancellationError.self) { try join.join() }
            child.kill()
            #expect(try child.join() == .signal(.kill))
        }
    }

    @Test func `a child that was joined is no zombie`() async throws {
        try await onThread {
            let child = try ChildProcess.start("true")
            try child.join()
            #expect(processState(child.pid) == nil)
        }
    }

    @Test func `a child that was dropped is no zombie after the next start`() async throws {
        try await onThread {
            let pid = try ChildProcess.start("true").pid
            // Others of this process's tests may start a child in between, and so reap it.
            while let state = processState(pid), state != "Z" { Strand.yield() }
            try ChildProcess.start("true").join()
            #expect(processState(pid) == nil)
        }
    }

    @Test func `a signal to a child that has ended goes nowhere`() async throws {
        try await onThread {
            let child = try ChildProcess.start("true")
            try child.join()
            try child.send(.kill)
            child.terminate()
            #expect(child.exitStatus == .code(0))
        }
    }

    @Test func `the child inherits the standard descriptors only`() async throws {
        try await onThread {
            // One that is not closed on exec of itself.
            let leaky = FileHandle(forReadingAtPath: "/dev/null")!
            let child = try ChildProcess.start("sh", ["-c", "echo /proc/$$/fd/*"], piped)
            let listed = try child.output!.readLine()!.split(separator: " ").count
            withExtendedLifetime(leaky) {}
            // The shell may keep its script's descriptor.
            #expect(listed <= 4)
            try child.join()
        }
    }

    @Test func `no signal is blocked in the child`() async throws {
        try await onThread {
            holdBackThreadInterrupt()
            let child = try ChildProcess.start("grep", ["SigBlk", "/proc/self/status"], piped)
            #expect(try child.output!.readLine() == "SigBlk:\t0000000000000000")
            try child.join()
        }
    }

    @Test func `a child may lead a group of its own`() async throws {
        try await onThread {
            var options = piped
            options.hasOwnGroup = true
            let child = try ChildProcess.start("cat", ["/proc/self/stat"], options)
            let words = try child.output!.readLine()!.split(separator: " ")
            #expect(Int32(words[4]) == child.pid)
            try child.join()
        }
    }

    @Test func `a process with several threads is refused to fork`() async throws {
        try await onThread {
            let refusal = #expect(throws: MultiThreadedFork.self) { try ChildProcess.fork {} }
            #expect(refusal!.threads >= 2)
            #expect("\(refusal!)".contains("\(refusal!.threads) threads"))
        }
    }
}
