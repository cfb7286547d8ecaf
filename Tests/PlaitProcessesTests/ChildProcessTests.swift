import Foundation
import PlaitIO
import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct ChildProcessTests {
    // GV-275
    @Test func `a child's exit code is its status`() async throws {
        try await onThread {
            let child = try ChildProcess.start("sh", ["-c", "exit 7"])
            #expect(try child.join() == .code(7))
            #expect(child.exitStatus == .code(7))
            #expect(!child.isAlive)
        }
    }

    // AS-368, AS-369, AS-370
    @Test(arguments: [Signal.kill, .terminate, .hangup])
    func `a signal that ends a child is its status`(_ signal: Signal) async throws {
        try await onThread {
            let child = try ChildProcess.start("sleep", ["60"])
            #expect(child.isAlive)
            switch signal {
            case .kill: child.kill()
            case .terminate: child.terminate()
            default: try child.send(signal)
            }
            #expect(try child.join() == .signal(signal))
        }
    }

    // GV-277
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
            #expect(throws: TimedOut.self) { try child.join(within: .milliseconds(10)) }
            #expect(throws: TimedOut.self) { try child.join(within: .zero) }
            child.input?.close()
            #expect(try child.join() == .code(0))
        }
    }

    // GV-191
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

    // AS-362
    @Test func `a signal to a child that has ended goes nowhere`() async throws {
        try await onThread {
            let child = try ChildProcess.start("true")
            try child.join()
            try child.send(.kill)
            child.terminate()
            #expect(child.exitStatus == .code(0))
        }
    }

    @Test func `a signal that there is none of is refused`() async throws {
        try await onThread {
            let child = try ChildProcess.start("cat", [], piped)
            let error = #expect(throws: SystemError.self) { try child.send(Signal(number: 99)) }
            #expect(error?.errno == .invalidArgument)
            child.close()
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

    // AS-367
    @Test func `a child may lead a session of its own`() async throws {
        try await onThread {
            var options = piped
            options.hasOwnSession = true
            let result = try ChildProcess.run("cat", ["/proc/self/stat"], options)
            let words = try result.text.split(separator: " ")
            #expect(words[4] == words[0] && words[5] == words[0])
            let other = try ChildProcess.run("cat", ["/proc/self/stat"])
            let others = try other.text.split(separator: " ")
            #expect(others[5] != others[0])
        }
    }

    // AS-383
    @Test(arguments: StrandKind.allCases)
    func `ten that join at the same time all have the status`(_ kind: StrandKind) async throws {
        try await onThread {
            let child = try ChildProcess.start("sh", ["-c", "read line; exit 5"], piped)
            let joins = (0..<10).map { _ in spawn(kind: kind) { try child.join() } }
            Strand.yield()
            child.input?.close()
            for join in joins { #expect(try join.join() == .code(5)) }
        }
    }

    // AS-377, AS-378, EV-172
    @Test func `closing ends a running child, leaves one that has ended, and may be repeated`()
        async throws
    {
        try await onThread {
            let running = try ChildProcess.start("sleep", ["60"], piped)
            running.close()
            #expect(try running.join() == .signal(.kill))
            let ended = try ChildProcess.start("sh", ["-c", "exit 2"], piped)
            try ended.join()
            ended.close()
            ended.close()
            ended.input?.close()
            #expect(ended.exitStatus == .code(2))
            #expect(throws: StreamError.closed) { try ended.output?.read() }
            #expect(throws: StreamError.closed) { try ended.input?.write("late") }
        }
    }

    // AS-382
    @Test func `a path may be a path`() async throws {
        try await onThread {
            let child = try ChildProcess.start(FilePath("/bin").appending("sh"), ["-c", "exit 6"])
            #expect(try child.join() == .code(6))
        }
    }

    // AS-363
    @Test func `a child says who it is and how it ended`() async throws {
        try await onThread {
            let child = try ChildProcess.start("/bin/cat", ["-"], piped)
            #expect("\(child)" == "ChildProcess(cat, \(child.pid), running)")
            #expect(child.name == "cat" && child.command == ["/bin/cat", "-"])
            child.input?.close()
            try child.join()
            #expect("\(child)" == "ChildProcess(cat, \(child.pid), exit code 0)")
        }
    }

    // AS-387, GV-285: any thread may, whether or not it has a hub.
    @Test func `children start and end on any thread`() async throws {
        try await onThread {
            let onThread = try ChildProcess.start("true").join()
            let onFiber = try spawn(.fiber) { try ChildProcess.start("true").join() }.join()
            #expect(onThread == .code(0) && onFiber == .code(0))
        }
        let background = try await onThread { try Hub.start(name: "background") }
        let there = try await onThread {
            try spawn(.fiber, on: background.hub) { try ChildProcess.start("true").join() }.join()
        }
        #expect(there == .code(0))
        try await onThread { try background.stop() }
    }

    // GV-282
    @Test func `the child's end of a pipe blocks, though the parent's does not`() async throws {
        try await onThread {
            let child = try ChildProcess.start(
                "sh", ["-c", "for n in 0 1 2; do grep flags /proc/self/fdinfo/$n; done"], piped)
            let nonBlocking = 0o4000
            let flags = try text(child.output!.readToEnd()).split(separator: "\n").map {
                Int($0.split(whereSeparator: \.isWhitespace)[1], radix: 8)!
            }
            // The descriptors are grep's own, inherited from the shell's pipes.
            #expect(flags.count == 3 && flags.allSatisfy { $0 & nonBlocking == 0 })
            try child.join()
        }
    }

    // TH-053: what Plait has instead is a child of the fork server, from any thread.
    @Test func `a process with several threads is refused to fork`() async throws {
        try await onThread {
            let other = try spawn(.process, Twice.self, 4)
            let twice = try other.join()
            #expect(twice == 8 && other.exitStatus == .code(0))
            let refusal = #expect(throws: MultiThreadedFork.self) { try ChildProcess.fork {} }
            #expect(refusal!.threads >= 2)
            #expect("\(refusal!)".contains("\(refusal!.threads) threads"))
        }
    }
}
