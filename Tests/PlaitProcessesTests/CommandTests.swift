import Foundation
import PlaitIO
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

/// Commands that run to their end: `communicate` and `run`.
@Suite(.timeLimit(.hang))
struct CommandTests {
    private func run(
        _ script: String, _ options: ChildProcess.Options = ChildProcess.Options(),
        input: [UInt8]? = nil, within limit: Duration? = nil
    ) throws -> CommandResult {
        try ChildProcess.run("sh", ["-c", script], options, input: input, within: limit)
    }

    // MARK: communicate

    @Test func `a child's streams may be files and descriptors`() async throws {
        try await onThread {
            let folder = FileManager.default.temporaryDirectory
                .appendingPathComponent("plait-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let (from, to) = (folder.path + "/from", folder.path + "/to")
            try Data("first\n".utf8).write(to: URL(fileURLWithPath: from))
            var options = ChildProcess.Options()
            options.input = .file(from)
            options.output = .file(to)
            let copied = try ChildProcess.start("cat", [], options).join()
            options.output = .endOfFile(to)
            let appended = try ChildProcess.start("cat", [], options).join()
            #expect(copied == .code(0) && appended == .code(0))
            let both = try String(contentsOfFile: to, encoding: .utf8)
            #expect(both == "first\nfirst\n")
            // The end of another child's pipe; it stays the caller's.
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: to))
            options.input = .descriptor(file.fileDescriptor)
            options.output = .inherited
            let read = try ChildProcess.run("cat", [], options)
            #expect(text(read.output) == both)
            #expect(fcntl(file.fileDescriptor, F_GETFD) >= 0)
            options.input = .file(folder.path + "/none")
            let missing = #expect(throws: SystemError.self) {
                try ChildProcess.start("cat", [], options)
            }
            #expect(missing?.errno == .noSuchFileOrDirectory)
            options.input = .file("a\0b")
            let cut = #expect(throws: SystemError.self) {
                try ChildProcess.start("cat", [], options)
            }
            #expect(cut?.errno == .invalidArgument)
        }
    }

    // AS-365, AS-366, AS-372
    @Test(arguments: StrandKind.allCases)
    func `input goes in, output and errors come out, and the end is told`(
        _ kind: StrandKind
    ) async throws {
        try await onStrand(kind) {
            for input in ["some data", ""] {
                let child = try ChildProcess.start("sh", ["-c", "cat; echo no >&2; exit 3"], piped)
                let result = try child.communicate(input: Array(input.utf8))
                #expect(try result.text == input)
                #expect(try result.errorText == "no\n")
                #expect(result.status == .code(3))
                #expect(result.command == ["sh", "-c", "cat; echo no >&2; exit 3"])
            }
            // Without a word of input, as well.
            let silent = try ChildProcess.start("cat", [], piped).communicate()
            #expect(silent.output.isEmpty && silent.status.isSuccess)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `more than pipes hold goes through in all directions at once`(
        _ kind: StrandKind
    ) async throws {
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try await onStrand(kind) {
            let child = try ChildProcess.start("sh", ["-c", "tee /dev/stderr"], piped)
            let result = try child.communicate(input: bytes)
            #expect(result.output == bytes)
            #expect(result.errorOutput == bytes)
            #expect(result.status.isSuccess)
        }
    }

    @Test func `input that nobody reads is no error`() async throws {
        try await onThread {
            let result = try run("exec <&-; exit 4", input: Array(repeating: 7, count: 1_000_000))
            #expect(result.status == .code(4))
        }
    }

    @Test func `what was read behind a line belongs to the output`() async throws {
        try await onThread {
            let child = try ChildProcess.start("sh", ["-c", "echo one; echo two; cat"], piped)
            #expect(try child.output?.readLine() == "one")
            let result = try child.communicate(input: Array("three".utf8))
            #expect(try result.text == "two\nthree")
        }
    }

    // EV-171
    @Test(arguments: StrandKind.allCases)
    func `communicate gives up at its limit or when it is cancelled, and the child goes on`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let child = try ChildProcess.start("sh", ["-c", "echo first; exec sleep 60"], piped)
            // Begun, so that it has said that by then.
            while try !child.output!.hasArrived { Strand.yield() }
            let error = #expect(throws: TimedOut.self) {
                try spawn(kind: kind) { try child.communicate(within: .milliseconds(5)) }.join()
            }
            #expect(text(error?.output ?? []) == "first\n")
            let other = try ChildProcess.start("sleep", ["60"], piped)
            let talking = spawn(kind: kind) { try other.communicate() }
            Strand.yield()
            talking.cancel()
            #expect(throws: CancellationError.self) { try talking.join() }
            #expect(other.isAlive)
            other.close()
            child.close()
        }
    }

    @Test func `more than allowed is an error, and ends a run`() async throws {
        try await onThread {
            #expect(throws: StreamError.tooLong(limit: 1_000)) {
                try ChildProcess.run("cat", ["/dev/zero"], atMost: 1_000)
            }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `communicate ends when somebody closes the child`(_ kind: StrandKind) async throws {
        try await onThread {
            let child = try ChildProcess.start("sleep", ["60"], piped)
            let talking = spawn(kind: kind) { try child.communicate(input: [1, 2, 3]) }
            Strand.yield()
            child.close()
            // What it finds first: the pipe's end, or that it was closed.
            do {
                #expect(try talking.join().status == .signal(.kill))
            } catch {
                #expect(error as? StreamError == .closed)
            }
        }
    }

    @Test func `nobody communicates with a child that was closed`() async throws {
        try await onThread {
            let child = try ChildProcess.start("sleep", ["60"], piped)
            child.close()
            #expect(throws: StreamError.closed) { try child.communicate(input: [1, 2, 3]) }
            #expect(throws: StreamError.closed) { try child.communicate() }
        }
    }

    // AS-385
    @Test func `many communicate at the same time`() async throws {
        try await onThread {
            let talks = try (0..<20).map { number in
                let child = try ChildProcess.start("cat", [], piped)
                return spawn(kind: number % 2 == 0 ? .fiber : .thread) {
                    try child.communicate(input: Array("\(number)".utf8)).text
                }
            }
            for (number, talk) in talks.enumerated() {
                #expect(try talk.join() == "\(number)")
            }
        }
    }

    // AS-379
    @Test func `output can be read after the exit`() async throws {
        try await onThread {
            let child = try ChildProcess.start("echo", ["late"], piped)
            try child.join()
            #expect(try child.output?.readLine() == "late")
            #expect(try child.output?.readLine() == nil)
        }
    }

    // AS-373, AS-374
    @Test(arguments: [true, false])
    func `a null stream takes what is written, and the other comes`(_ isOutput: Bool) async throws {
        try await onThread {
            var options = ChildProcess.Options()
            options.output = isOutput ? .null : .pipe
            options.errorOutput = isOutput ? .pipe : .null
            let result = try run("cat; cat >&2 <<X\nerror\nX", options, input: Array("out".utf8))
            #expect(try result.text == (isOutput ? "" : "out"))
            #expect(try result.errorText == (isOutput ? "error\n" : ""))
            let child = try ChildProcess.start("true", [], options)
            #expect((child.output == nil) == isOutput)
            #expect((child.errorOutput == nil) == !isOutput)
            try child.join()
        }
    }

    // AS-375
    @Test func `a child may open its input by name`() async throws {
        try await onThread {
            let result = try run("cat /dev/stdin", input: Array("by name".utf8))
            #expect(try result.text == "by name")
        }
    }

    // MARK: run

    // GV-290, GV-291
    @Test(arguments: StrandKind.allCases)
    func `run collects what a command writes`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let echo = try run("echo BDFL")
            #expect(try echo.text == "BDFL\n")
            let bytes: [UInt8] = [0, 255, 10, 13, 128]
            let cat = try ChildProcess.run("cat", input: bytes)
            #expect(cat.output == bytes)
        }
    }

    // EV-173, GV-286, GV-287, GV-288
    @Test func `check throws unless all was well, and says why`() async throws {
        try await onThread {
            #expect(try run("exit 0").check().status == .code(0))
            #expect(try ChildProcess.run("true").check().output == [])
            let result = try run("echo first >&2; echo 'no such thing' >&2; exit 47")
            #expect(result.status == .code(47))
            let error = #expect(throws: CommandFailed.self) { try result.check() }
            #expect(error?.status == .code(47))
            #expect(error?.command.first == "sh")
            #expect("\(error!)".hasPrefix("sh -c 'echo first"))
            #expect("\(error!)".hasSuffix("exit code 47: first\nno such thing"))
            let killed = #expect(throws: CommandFailed.self) { try run("kill -9 $$").check() }
            #expect(killed?.status == .signal(.kill))
        }
    }

    /// A program of this name, which sleeps: its children can be told from those of other tests.
    private func sleeper(_ body: @Sendable (_ path: String, _ name: String) async throws -> Void)
        async throws
    {
        let name = "sleeper-\(UUID())"
        let path = FileManager.default.temporaryDirectory.appending(path: name).path()
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/bin/sleep")
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path, name)
    }

    private func isRunning(_ name: String) -> Bool {
        CurrentProcess.children.contains { $0.name == name }
    }

    // GV-289
    @Test(arguments: StrandKind.allCases)
    func `a run that takes too long is ended`(_ kind: StrandKind) async throws {
        try await sleeper { path, name in
            let error = try await onStrand(kind) {
                try #require(throws: TimedOut.self) {
                    try ChildProcess.run(path, ["60"], within: .milliseconds(5))
                }
            }
            #expect("\(error)".contains("was not done within its limit"))
            try await until { !isRunning(name) }
        }
    }

    // AS-376
    @Test(arguments: StrandKind.allCases)
    func `a run that is cancelled ends the child, at once and later`(_ kind: StrandKind)
        async throws
    {
        try await sleeper { path, name in
            for waits in [false, true] {
                try await onThread {
                    let running = spawn(kind: kind) { try ChildProcess.run(path, ["60"]) }
                    while waits && !isRunning(name) { Strand.yield() }
                    running.cancel()
                    #expect(throws: CancellationError.self) { try running.join() }
                }
                try await until { !isRunning(name) }
            }
        }
    }

    // GV-293
    @Test func `a limit is kept though a grandchild holds the pipes`() async throws {
        try await onThread {
            let script = ["-c", "sleep 600 & echo $!; wait"]
            let child = try ChildProcess.start("sh", script, piped)
            while try !child.output!.hasArrived { Strand.yield() }
            let error = try #require(throws: TimedOut.self) {
                try child.communicate(within: .milliseconds(5))
            }
            child.close()
            #expect(try child.join() == .signal(.kill))
            // It lives on, as documented.
            let pid = try #require(Int32(text(error.output).dropLast()))
            #expect(processState(pid) != nil)
            try PlaitPlatform.send(.kill, toProcess: pid)
            // The same in one, where the grandchild may not have begun.
            let begin = ContinuousClock.now
            #expect(throws: TimedOut.self) {
                try run("sleep 60 & wait", within: .milliseconds(50))
            }
            #expect(ContinuousClock.now - begin < .seconds(60))
        }
    }

    // GV-292
    @Test func `the environment is passed`() async throws {
        try await onThread {
            var options = ChildProcess.Options()
            options.environment = ["FRUIT": "banana"]
            let result = try run("echo $FRUIT:$HOME", options)
            #expect(try result.text == "banana:\n")
        }
    }

    // GV-279
    @Test func `undecodable output is an error, and its bytes are there`() async throws {
        try await onThread {
            let result = try run("printf 'a\\377b'; printf '\\200' >&2")
            let error = #expect(throws: UndecodableOutput.self) { try result.text }
            #expect(error?.stream == "standard output")
            #expect(throws: UndecodableOutput.self) { try result.errorText }
            #expect(result.output == [0x61, 0xFF, 0x62])
        }
    }

    @Test func `a command that is not there is told, and input without a pipe traps`() async throws
    {
        try await onThread {
            let error = #expect(throws: SystemError.self) {
                try ChildProcess.run("/no/such/program", input: [1])
            }
            #expect(error?.errno == .noSuchFileOrDirectory)
        }
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread {
                _ = try ChildProcess.start("true").communicate(input: [1])
            }
        }
        let said = text(result?.standardErrorContent ?? [])
        #expect(said.contains("start it with options.input = .pipe"))
    }
}

extension PipeReader {
    /// Whether there is something to be read.
    fileprivate var hasArrived: Bool {
        get throws { try waitAny([.pipe(self)], within: .zero) == [0] }
    }
}
