import PlaitIO
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitSelectors
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

/// Sentinels, and waiting for one of several.
@Suite(.timeLimit(.hang))
struct WaitAnyTests {
    @Test func `a sentinel is readable once the child has ended, and ever after`() async throws {
        try await onThread {
            let selectors: [any ReadinessSelector] = [try EpollSelector(), PollSelector()]
            let child = try ChildProcess.start("cat", [], piped)
            for selector in selectors {
                try selector.register(
                    child.sentinel.rawValue, interest: .readable, mode: .level, token: 7)
                var tokens: [UInt64] = []
                try selector.select(until: .immediate, now: .now) { token, _ in
                    tokens.append(token)
                }
                #expect(tokens.isEmpty)
            }
            child.input?.close()
            for selector in selectors {
                for isJoined in [false, true] {
                    var tokens: [UInt64] = []
                    // A round may end early, because of a signal.
                    while tokens.isEmpty {
                        try selector.select(until: .never, now: .now) { token, readiness in
                            if readiness.contains(.readable) { tokens.append(token) }
                        }
                    }
                    #expect(tokens == [7])
                    if !isJoined { #expect(try child.join() == .code(0)) }
                }
            }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `several strands wait for one sentinel while others join`(_ kind: StrandKind) async throws
    {
        try await onThread {
            let child = try ChildProcess.start("cat", [], piped)
            let waits = (0..<4).map { number in
                spawn(kind: kind) {
                    if number % 2 == 0 { try child.join() }
                    return try Strand.waitReadable(child.sentinel.rawValue, until: .never)
                }
            }
            Strand.yield()
            child.input?.close()
            let isReady = try waits.map { try $0.join() }
            #expect(isReady == [true, true, true, true])
        }
    }

    // MP-112
    @Test(arguments: StrandKind.allCases)
    func `nothing is ready until the limit, then what became ready is told`(
        _ kind: StrandKind
    ) async throws {
        try await onStrand(kind) {
            let (here, there) = try Connection.pair()
            let begin = ContinuousClock.now
            #expect(try waitAny([.connection(here)], within: .milliseconds(20)) == [])
            #expect(ContinuousClock.now - begin >= .milliseconds(20))
            try there.send([1])
            #expect(try waitAny([.connection(here)], within: .seconds(60)) == [0])
            // Nothing is taken by that.
            #expect(try waitAny([.connection(there), .connection(here)]) == [1])
            #expect(try here.receive() == [1])
            #expect(try waitAny([.connection(here)], within: .zero) == [])
            there.close()
            #expect(try waitAny([.connection(here)]) == [0])
            #expect(try waitAny([], within: .zero) == [])
        }
    }

    // MP-113, GV-276
    @Test(arguments: StrandKind.allCases)
    func `children, connections, pipes and descriptors are waited for together`(
        _ kind: StrandKind
    ) async throws {
        try await onStrand(kind) {
            let child = try ChildProcess.start("cat", [], piped)
            let (here, there) = try Connection.pair()
            let file = try FileDescriptor.pipe()
            defer {
                try? file.readEnd.close()
                try? file.writeEnd.close()
            }
            let sources: [WaitSource] = [
                .child(child), .connection(here), .pipe(child.output!),
                .descriptor(file.readEnd), .child(child), .descriptor(child.sentinel),
            ]
            #expect(try waitAny(sources, within: .milliseconds(1)) == [])
            let sending = spawn(.thread) { try there.send([2]) }
            #expect(try waitAny(sources) == [1])
            try sending.join()
            _ = try here.receive()
            try child.input?.write("x\ny\n")
            #expect(try waitAny(sources) == [2])
            // A line that was read ahead is there, though its descriptor has nothing more.
            #expect(try child.output?.readLine() == "x")
            #expect(try waitAny(sources) == [2])
            #expect(try child.output?.readLine() == "y")
            _ = try file.writeEnd.writeAll([1])
            #expect(try waitAny(sources) == [3])
            child.input?.close()
            // Its output ends, and it does.
            while try waitAny(sources) != [0, 2, 3, 4, 5] { Strand.yield() }
            #expect(try child.join() == .code(0))
            #expect(try waitAny(sources) == [0, 2, 3, 4, 5])
        }
    }

    // MP-114
    @Test(arguments: StrandKind.allCases)
    func `a limit below zero looks once`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let child = try ChildProcess.start("cat", [], piped)
            let sources: [WaitSource] = [.child(child), .pipe(child.output!)]
            #expect(try waitAny(sources, within: .seconds(-1)) == [])
            child.close()
            try child.join()
            #expect(try waitAny([.child(child)], within: .seconds(-1)) == [0])
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a wait for any can be cancelled, and others go on meanwhile`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let child = try ChildProcess.start("cat", [], piped)
            let waiting = spawn(kind: kind) { try waitAny([.child(child)]) }
            let other = spawn(kind: kind) { try child.input!.write("others go on\n") }
            try other.join()
            #expect(try child.output!.readLine() == "others go on")
            waiting.cancel()
            #expect(throws: CancellationError.self) { try waiting.join() }
            child.close()
        }
    }

    @Test func `a regular file is always ready, and what is closed is an error`() async throws {
        try await onThread {
            let child = try ChildProcess.start("cat", [], piped)
            let file = unsafe try FileDescriptor.open("/proc/self/exe", .readOnly)
            #expect(try waitAny([.child(child), .descriptor(file)]) == [1])
            try file.close()
            let (here, there) = try Connection.pair()
            here.close()
            #expect(throws: ConnectionError.closed) { try waitAny([.connection(here)]) }
            withExtendedLifetime(there) {}
            child.output?.close()
            #expect(throws: StreamError.closed) { try waitAny([.pipe(child.output!)]) }
            child.close()
        }
    }
}
