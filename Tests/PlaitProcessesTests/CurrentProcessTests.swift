import Glibc
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import TestSupport
import Testing

/// What a child sees of itself.
private enum Who: ProcessFunction {
    struct Identity: Codable, Sendable {
        var pid: Int32
        var name: String
        var isDaemon: Bool
        var parent: CurrentProcess.Parent?
        var parentIsAlive: Bool
        var children: Int
        var mainThread: Int32?
        var input: String
        /// Whether its own child is a daemon, if asked for.
        var childIsDaemon: [Bool]
    }

    static func run(_ input: String) throws -> Identity {
        var daemons: [Bool] = []
        if input == "grandchildren" {
            for asked in [nil, true, false] as [Bool?] {
                let child = try spawn(.process, Who.self, "", isDaemon: asked)
                daemons.append(try child.isDaemon && child.join().isDaemon)
            }
        }
        return Identity(
            pid: CurrentProcess.pid, name: CurrentProcess.name, isDaemon: CurrentProcess.isDaemon,
            parent: CurrentProcess.parent, parentIsAlive: CurrentProcess.parent?.isAlive == true,
            children: CurrentProcess.children.count, mainThread: Strand.main.nativeID, input: input,
            childIsDaemon: daemons)
    }
}

private enum Farewell: ProcessFunction {
    static func run(_ words: [String]) throws -> Nothing {
        for word in words {
            try ProgramEnd.perform { StandardStream.output.write("\(word)\n") }
        }
        return Nothing()
    }
}

/// Who this process is, its parent and its children. Forked children: see `ForkTests`.
@Suite(.timeLimit(.hang))
struct CurrentProcessTests {
    static let methods: [StartMethod] = [.forkServer, .spawn]

    // MP-001
    @Test func `the main program is nobody's child`() {
        #expect(CurrentProcess.pid == getpid())
        #expect(CurrentProcess.name == "main")
        #expect(!CurrentProcess.isDaemon)
        #expect(CurrentProcess.parent == nil)
    }

    // MP-010
    @Test func `there is a processor at least`() {
        #expect(CurrentProcess.processorCount >= 1)
    }

    // MP-005, MP-006, MP-007
    @Test(arguments: methods)
    func
        `a child knows its name, its number and its parent, and is the parent's child as long as it runs`(
            _ method: StartMethod
        ) async throws
    {
        try await onThread {
            let event = try ProcessEvent()
            let handle = try spawn(.process, Held.self, event, name: "held", method: method)
            let entry = CurrentProcess.Child(pid: handle.pid, name: "held")
            #expect(CurrentProcess.children.contains(entry))
            #expect(handle.isAlive && handle.exitStatus == nil)
            event.set()
            try handle.join()
            #expect(!handle.isAlive && handle.exitStatus == .code(0))
            #expect(!CurrentProcess.children.contains(entry))

            for name in ["named", nil] {
                let who = try spawn(.process, Who.self, "input", name: name, method: method)
                #expect(who.name == name ?? "process-\(who.pid)")
                let identity = try who.join()
                #expect(identity.input == "input")
                #expect(identity.name == who.name)
                #expect(identity.pid == who.pid && identity.pid != getpid())
                #expect(identity.parent?.pid == getpid())
                #expect(identity.parent?.name == "main")
                #expect(identity.parentIsAlive)
                #expect(identity.children == 0)
                #expect(identity.mainThread == who.pid)
                #expect(identity.mainThread != Strand.main.nativeID)
            }
        }
    }

    /// Runs until its event is set.
    private enum Held: ProcessFunction {
        static func run(_ event: ProcessEvent) throws -> Nothing {
            try event.wait()
            return Nothing()
        }
    }

    // MP-004
    @Test(arguments: methods)
    func `a daemon's children are daemons, unless they are said not to be`(
        _ method: StartMethod
    ) async throws {
        try await onThread {
            for (isDaemon, expected) in [
                (nil, [false, true, false]), (false, [false, true, false]),
                (true, [true, true, false]),
            ] as [(Bool?, [Bool])] {
                let who = try spawn(
                    .process, Who.self, "grandchildren", method: method, isDaemon: isDaemon)
                #expect(who.isDaemon == (isDaemon ?? false))
                let identity = try who.join()
                #expect(identity.isDaemon == (isDaemon ?? false))
                #expect(identity.childIsDaemon == expected)
            }
        }
    }

    // MP-008
    @Test(arguments: methods)
    func `a child that is asked to end ends by that, and joins keep their limits`(
        _ method: StartMethod
    ) async throws {
        try await onThread {
            let handle = try spawn(.process, Rest.self, 3_600_000, method: method)
            for limit in [Duration.zero, .seconds(-1), .milliseconds(30)] {
                let begin = ContinuousClock.now
                #expect(throws: TimedOut.self) { try handle.join(within: limit) }
                #expect(ContinuousClock.now - begin >= limit)
                #expect(handle.isAlive)
            }
            handle.terminate()
            let crash = try #require(throws: WorkerCrashed.self) { try handle.join() }
            #expect(crash.status == .signal(.terminate))
            #expect(handle.exitStatus == .signal(.terminate) && !handle.isAlive)
        }
    }

    // MP-140
    @Test(arguments: methods)
    func `what a child is to do at its end is done, last first`(_ method: StartMethod) async throws
    {
        try await onThread {
            var options = ChildProcess.Options.ofFunction
            options.output = .pipe
            let handle = try spawn(
                .process, Farewell.self, ["first", "second"], method: method, options: options)
            #expect(text(try handle.process.output!.readToEnd()) == "second\nfirst\n")
            try handle.join()
        }
    }

    // GV-192
    @Test func `a fiber that joins a process lets others run`() async throws {
        try await onThread {
            let handle = try spawn(.process, Rest.self, 3_600_000)
            let joining = spawn(.fiber) { try handle.join() }
            let other = spawn(.fiber) { handle.kill() }
            try other.join()
            #expect(throws: WorkerCrashed.self) { try joining.join() }
        }
    }

    @Test func `workers of pools are children, and the helper that forks is not`() async throws {
        try await onThread {
            let pool = try ProcessPool(workers: 1, name: "counted")
            let twice = try pool.submit(Twice.self, 4).result()
            #expect(twice == 8)
            #expect(CurrentProcess.children.contains { $0.name == "counted-0" })
            let helper = try #require(ForkServer.shared.pid)
            #expect(!CurrentProcess.children.contains { $0.pid == helper })
            pool.close()
        }
    }
}
