import Foundation
import Glibc
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

enum Twice: ProcessFunction {
    static func run(_ number: Int) throws -> Int { number * 2 }
}

private enum Hidden: ProcessFunction {
    static func run(_ words: [String: [Double?]]) throws -> [String] { words.keys.sorted() }
}

enum Count<Element: Codable & Sendable>: ProcessFunction {
    static func run(_ list: [Element]) throws -> Int { list.count }
}

struct Refused: Error, Codable, Equatable { let number: Int }
struct Plain: Error {}

enum Refuse: ProcessFunction {
    static func run(_ number: Int) throws -> Nothing {
        if number == 0 { throw Plain() }
        throw Refused(number: number)
    }
}

enum Trap: ProcessFunction {
    static func run(_ index: Int) throws -> Int {
        // In a release build this one says nothing.
        if index < 0 { return [1, 2, 3][index] }
        fatalError("no index \(index)")
    }
}

enum Leave: ProcessFunction {
    static func run(_ code: Int32) throws -> Nothing { exit(code) }
}

enum Rest: ProcessFunction {
    static func run(_ milliseconds: Int) throws -> Nothing {
        try Strand.sleep(for: .milliseconds(milliseconds))
        return Nothing()
    }
}

/// What the child sees of itself.
enum Look: ProcessFunction {
    struct View: Codable, Sendable, Equatable {
        var pid: Int32
        var parent: Int32
        var threads: Int
        var directory: String
        var variables: [String?]
        var descriptors: Int
        var arguments: [String]
    }

    static func run(_ names: [String]) throws -> View {
        View(
            pid: getpid(), parent: getppid(), threads: try Processes.threadCount(),
            directory: unsafe String(cString: getcwd(nil, 0)),
            variables: names.map { name in
                unsafe getenv(name).map { unsafe String(cString: $0) }
            },
            descriptors: try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count,
            arguments: CommandLine.arguments)
    }
}

/// Fibers, threads and queues inside the child.
enum Strands: ProcessFunction {
    static func run(_ count: Int) throws -> Int {
        let queue = Queue<Int>(capacity: 4)
        let fibers = (0..<count).map { number in spawn(.fiber) { try queue.put(number) } }
        let sum = spawn(.thread) { try (0..<count).reduce(0) { sum, _ in try sum + queue.get() } }
        for fiber in fibers { try fiber.join() }
        return try sum.join()
    }
}

/// A function in another process; `StartMethod.fork` has its suite in `ForkTests`.
@Suite(.timeLimit(.hang))
struct ProcessFunctionTests {
    static let methods: [StartMethod] = [.forkServer, .spawn]

    private func call<Function: ProcessFunction>(
        _ function: Function.Type, _ input: Function.Input, _ method: StartMethod = .forkServer
    ) throws -> Function.Output {
        try spawn(.process, function, input, method: method).join()
    }

    // MP-003
    @Test(arguments: methods)
    func `a value goes in and comes out`(_ method: StartMethod) async throws {
        try await onThread {
            let twice = try call(Twice.self, 21, method)
            #expect(twice == 42)
            let keys = try call(Hidden.self, ["b": [1, nil], "a": []], method)
            #expect(keys == ["a", "b"])
            let few = try call(Count<String>.self, ["x", "y"], method)
            #expect(few == 2)
            let large = [UInt8](repeating: 7, count: 3_000_000)
            let many = try call(Count<UInt8>.self, large, method)
            #expect(many == 3_000_000)
        }
    }

    @Test(arguments: methods)
    func `an error comes as it was, or described`(_ method: StartMethod) async throws {
        try await onThread {
            #expect(throws: Refused(number: 3)) {
                try call(Refuse.self, 3, method)
            }
            let error = try #require(throws: RemoteError.self) {
                try call(Refuse.self, 0, method)
            }
            #expect(error.type == "Plain" && error.message == "Plain()")
        }
    }

    @Test(arguments: methods)
    func `a trap ends the child alone, and is told with its message and place`(
        _ method: StartMethod
    ) async throws {
        let crash = try await onThread {
            let handle = try spawn(.process, Trap.self, 7, name: "trapper", method: method)
            return try #require(throws: WorkerCrashed.self) { try handle.join() }
        }
        #expect(crash.name == "trapper")
        #expect(crash.message == "Fatal error: no index 7")
        #expect(crash.file != nil && crash.line != nil)
        guard case .signal = crash.status else {
            Issue.record("ended by \(crash.status)")
            return
        }
    }

    @Test(arguments: methods)
    func `an exit without an answer is told with its code`(_ method: StartMethod) async throws {
        let crash = try await onThread {
            try #require(throws: WorkerCrashed.self) {
                try call(Leave.self, 7, method)
            }
        }
        #expect(crash.status == .code(7))
    }

    // MP-009
    @Test(arguments: methods)
    func `a killed child is told at once, to all who join`(_ method: StartMethod) async throws {
        try await onThread {
            let handle = try spawn(.process, Rest.self, 3_600_000, method: method)
            let joiners = (0..<3).map { _ in spawn(.thread) { try handle.join() } }
            #expect(handle.isAlive)
            #expect(throws: TimedOut.self) { try handle.join(within: .milliseconds(1)) }
            handle.kill()
            for joiner in joiners {
                let crash = try #require(throws: WorkerCrashed.self) { try joiner.join() }
                #expect(crash.status == .signal(.kill))
            }
            #expect(!handle.isAlive && handle.exitStatus == .signal(.kill))
        }
    }

    @Test(arguments: methods)
    func `tasks join too`(_ method: StartMethod) async throws {
        let handle = try await onThread { try spawn(.process, Twice.self, 4, method: method) }
        let first = try await handle.join()
        let second = try await handle.join()
        #expect(first == 8 && second == 8)
    }

    // MP-015
    @Test(arguments: methods)
    func `strands work in the child`(_ method: StartMethod) async throws {
        let sum = try await onThread {
            try spawn(.process, Strands.self, 20, method: method).join()
        }
        #expect(sum == 190)
    }

    // MP-014
    @Test(arguments: methods)
    func `the child is this process's own, clean and as the options say`(
        _ method: StartMethod
    ) async throws {
        let directory = "/proc"
        let (view, pid) = try await onThread {
            var options = ChildProcess.Options.ofFunction
            options.workingDirectory = directory
            options.environment = ["PLAIT_TEST": "a=b", "EMPTY": ""]
            let handle = try spawn(
                .process, Look.self, ["PLAIT_TEST", "EMPTY", "HOME", "PLAIT_CHILD"], method: method,
                options: options)
            return (try handle.join(), handle.pid)
        }
        #expect(view.pid == pid)
        #expect(view.parent == getpid())
        #expect(view.threads == 1)
        #expect(view.directory == directory)
        #expect(view.variables == ["a=b", "", nil, nil])
        #expect(view.arguments == CommandLine.arguments)
        // Standard input, output, error, the link, and the list itself.
        #expect(view.descriptors == 5)
    }

    @Test(arguments: methods)
    func `limits of memory and descriptors hold in the child`(_ method: StartMethod) async throws {
        let crash = try await onThread {
            var options = ChildProcess.Options.ofFunction
            options.limits = ChildProcess.Limits(memory: 1 << 30, descriptors: 64)
            return try #require(throws: WorkerCrashed.self) {
                try spawn(.process, Hoard.self, 4 << 30, method: method, options: options).join()
            }
        }
        guard case .signal = crash.status else {
            Issue.record("ended by \(crash.status)")
            return
        }
    }

    @Test(arguments: methods)
    func `nothing is left when children have been joined`(_ method: StartMethod) async throws {
        try await onThread {
            // The helper and the service, once.
            try spawn(.process, Twice.self, 1, method: method).join()
            let pids = try (0..<20).map { number in
                let handle = try spawn(.process, Twice.self, number, method: method)
                let twice = try handle.join()
                #expect(twice == number * 2)
                return handle.pid
            }
            for pid in pids { #expect(kill(pid, 0) == -1) }
        }
    }

    @Test(arguments: methods)
    func `a child that nobody joins is no zombie`(_ method: StartMethod) async throws {
        let pid = try await onThread { try spawn(.process, Twice.self, 1, method: method).pid }
        // Gone from the process table: reaped.
        try await until { kill(pid, 0) == -1 && errno == ESRCH }
    }

    @Test func `a fork server that was killed is replaced`() async throws {
        try await onThread {
            try spawn(.process, Twice.self, 1).join()
            let helper = ForkServer.shared.whileIdle { pid in
                if let pid { kill(pid, SIGKILL) }
                return pid
            }
            try #require(helper != nil)
            let twice = try call(Twice.self, 5)
            #expect(twice == 10)
            #expect(ForkServer.shared.pid != helper)
        }
    }

    // MP-012
    @Test func `many at a time`() async throws {
        try await onThread {
            let handles = try (0..<40).map { try spawn(.process, Twice.self, $0) }
            for (number, handle) in handles.enumerated() {
                let twice = try handle.join()
                #expect(twice == number * 2)
            }
        }
    }
}

/// Takes so many bytes.
enum Hoard: ProcessFunction {
    static func run(_ bytes: Int) throws -> Int {
        [UInt8](repeating: 1, count: bytes).count
    }
}
