import Glibc
import PlaitIO
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct PipeTests {
    @Test(arguments: StrandKind.allCases)
    func `closing a pipe ends a wait for it`(_ kind: StrandKind) async throws {
        try await onThread {
            var options = ChildProcess.Options()
            options.output = .pipe
            options.input = .pipe
            let child = try ChildProcess.start("cat", [], options)
            let reader = spawn(kind: kind) { try child.output!.readLine() }
            // A thread's wait for a descriptor, or a fiber's.
            while reader.strand.currentWait == nil { Strand.yield() }
            child.output!.close()
            #expect(throws: StreamError.closed) { try reader.join() }
            child.input!.close()
            try child.join()
        }
    }

    // AS-364, GV-284
    @Test(arguments: StrandKind.allCases)
    func `lines go through a child and back`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let child = try ChildProcess.start("cat", [], piped)
            try child.input!.write("one\ntwo\nthree")
            #expect(try child.output!.readLine() == "one")
            #expect(try child.output!.readLine() == "two")
            child.input!.close()
            #expect(try child.output!.readLine() == "three")
            #expect(try child.output!.readLine() == nil)
            #expect(try child.join() == .code(0))
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `more than a pipe holds is written while it is read`(_ kind: StrandKind) async throws {
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try await onThread {
            let child = try ChildProcess.start("cat", [], piped)
            let writing = spawn(kind: kind) {
                try child.input!.write(bytes)
                child.input!.close()
            }
            #expect(try child.output!.readToEnd() == bytes)
            try writing.join()
            try child.join()
        }
    }

    @Test func `writing to a child that has ended throws, without a signal`()
        async throws
    {
        try await onThread {
            let child = try ChildProcess.start("true", [], piped)
            try child.join()
            let error = #expect(throws: SystemError.self) {
                // A child that another test starts just now holds the other end until its exec.
                while true { try child.input!.write("lost") }
            }
            #expect(error?.errno == .brokenPipe)
        }
    }

    // AS-371
    @Test func `a child that writes more than is read has to wait, and goes on later`()
        async throws
    {
        try await onThread {
            let child = try ChildProcess.start(
                "sh", ["-c", "head -c 1000000 /dev/zero; echo done >&2"], piped)
            // Until the pipe is full.
            var count: Int32 = 0
            while count < 65_536 {
                Strand.yield()
                _ = unsafe ioctl(child.output!.number, UInt(FIONREAD), &count)
            }
            #expect(try child.errorOutput!.readNow() == nil)
            #expect(child.isAlive)
            #expect(try child.output!.readToEnd().count == 1_000_000)
            #expect(try child.errorOutput!.readLine() == "done")
            #expect(try child.join() == .code(0))
        }
    }

    @Test func `reading gives up at its limit`() async throws {
        try await onThread {
            let child = try ChildProcess.start("cat", [], piped)
            #expect(throws: TimedOut.self) {
                try child.output!.readLine(within: .milliseconds(5))
            }
            child.input!.close()
            #expect(try child.output!.read() == [])
            try child.join()
        }
    }

    @Test func `what is longer than allowed throws`() async throws {
        try await onThread {
            let child = try ChildProcess.start("sh", ["-c", "echo 123456789; echo no >&2"], piped)
            #expect(throws: StreamError.tooLong(limit: 4)) {
                try child.output!.readToEnd(atMost: 4)
            }
            #expect(text(try child.errorOutput!.readToEnd()) == "no\n")
            try child.join()
        }
    }
}
