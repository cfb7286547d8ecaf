import Foundation
import Glibc
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

/// Writes the answer itself: an error whose type is what the parent is told.
private enum Forge: ProcessFunction {
    struct Form: Codable, Sendable {
        var mangled: String?
        var offset: Int?
        var name: String?
    }

    private struct Coded: Codable {
        let type: Form
        let bytes: [UInt8]
    }

    static func run(_ form: Form) throws -> Int {
        let coded = try MessagePackEncoder().encode(Coded(type: form, bytes: [0xC0]))
        let link = Connection(owning: Processes.link, isReadable: true, isWritable: true)
        try link.send([1] + coded)
        _exit(0)
    }
}

private struct Secret: Error, Codable, Equatable { let number: Int }
private final class SecretObject: Codable {}

/// Tells where it was decoded.
private struct Place: Codable, Sendable {
    var strand = ""

    init() {}
    init(from decoder: any Decoder) throws { strand = Strand.current.name }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(1)
    }
}

private enum Locate: ProcessFunction {
    static func run(_ nothing: Nothing) throws -> Place { Place() }
}

/// Children that are not trusted, deaf, stopped or left behind: see `Hostile` of `ForkProbe`.
@Suite(.timeLimit(.hang))
struct HostileChildrenTests {
    private func run(_ name: String, _ method: StartMethod = .forkServer) async throws -> [String] {
        try await forkProbe("hostile", name, method.rawValue)
    }

    // MARK: What they send

    @Test(arguments: [
        Forge.Form(offset: 0), Forge.Form(offset: 4_096), Forge.Form(offset: 64, name: "Secret"),
        Forge.Form(offset: .max, name: "Secret"), Forge.Form(offset: .min, name: "Secret"),
        Forge.Form(mangled: String(repeating: "Say", count: 100_000)),
        Forge.Form(mangled: "Si" + String(repeating: "Sg", count: 190)),
        Forge.Form(mangled: "AB200" + String(repeating: "Sg", count: 190)),
        Forge.Form(mangled: "\u{1}\u{7F}\u{7F}\u{7F}\u{7F}"), Forge.Form(mangled: ""), Forge.Form(),
    ])
    private func `an answer with a forged type is an error`(_ form: Forge.Form) async throws {
        try await onThread {
            let handle = try spawn(.process, Forge.self, form)
            #expect(throws: RemoteError.self) { try handle.join() }
        }
    }

    @Test func `a private type is found by its place and its name together`() throws {
        for type in [Secret.self, SecretObject.self, Place.self, Forge.self] as [Any.Type] {
            let name = try #require(TypeName(type))
            #expect(name.isPrivate)
            #expect(name.resolve() == type)
            let bytes = try MessagePackEncoder().encode(name)
            let form = try MessagePackDecoder().decode(Forge.Form.self, from: bytes)
            for (offset, name) in [(0, "Other"), (4, form.name!), (-4, form.name!)] {
                let other = Forge.Form(offset: form.offset! + offset, name: name)
                let forged = try MessagePackDecoder().decode(
                    TypeName.self, from: try MessagePackEncoder().encode(other))
                #expect(forged.resolve() == nil)
            }
        }
    }

    @Test func `memory that is shared cannot be made smaller by those who share it`() throws {
        let file = try WorkerMemory.make(name: "sealed")
        #expect(ftruncate(file.number, 0) == -1)
        #expect(errno == EPERM)
    }

    // MARK: Where results are decoded

    @Test func `a result is decoded by the strand that joins`() async throws {
        try await onThread {
            let handle = try spawn(.process, Locate.self, Nothing())
            let joiner = spawn(.fiber, name: "joiner") { try handle.join().strand }
            #expect(try joiner.join() == "joiner")
            #expect(try handle.join().strand == "joiner")
        }
    }

    @Test func `a result that only the future is asked for is decoded beside other children`()
        async throws
    {
        try await onThread {
            let handle = try spawn(.process, Locate.self, Nothing())
            #expect(try handle.future.result().strand != handle.name)
            let other = try spawn(.process, Locate.self, Nothing())
            while other.isAlive { Strand.yield() }
            #expect(try other.future.result().strand != other.name)
        }
    }

    // MARK: The deaf, the stopped and those that are left behind

    @Test(arguments: StartMethod.allCases, ["deaf daemon", "stopped daemon"])
    func `a program's end does not wait for a daemon that hears no signal`(
        _ method: StartMethod, _ name: String
    ) async throws {
        let lines = try await run(name, method)
        let pid = try #require(Int32(lines.first ?? ""))
        #expect(processState(pid) == nil)
    }

    @Test(arguments: StartMethod.allCases)
    func `a child's end is told though processes that it has left hold its connection`(
        _ method: StartMethod
    ) async throws {
        let lines = try await run("grandchild", method)
        #expect(
            lines == ["7", "left behind: true", "crash signal 6 (Aborted)", "left behind: true"])
    }

    @Test func `a fork server that is stopped is told to go on`() async throws {
        try await onThread {
            try spawn(.process, Twice.self, 1).join()
            let helper = ForkServer.shared.whileIdle { pid in
                if let pid { kill(pid, SIGSTOP) }
                return pid
            }
            try #require(helper != nil)
            let twice = try spawn(.process, Twice.self, 21).join()
            #expect(twice == 42)
        }
    }

    @Test(arguments: [StartMethod.forkServer, .spawn])
    func `a standard error that nobody reads keeps no child from being joined`(
        _ method: StartMethod
    ) async throws {
        #expect(try await run("loud", method) == ["1048576", "1"])
    }

    @Test func `a worker that gets no signal ends with the program all the same`() async throws {
        let pid = try await onThread {
            let child = try ChildProcess.start(
                try Built.program("ForkProbe"), ["hostile", "worker", "spawn"], piped)
            let lines = text(try child.output!.readToEnd()).split(separator: "\n")
            #expect(try child.join() == .signal(.kill))
            return try #require(lines.first.flatMap { Int32($0) })
        }
        // Its new parent may leave it a zombie.
        try await until { [nil, "Z"].contains(processState(pid)) }
    }

    // MARK: Their status

    @Test(arguments: StartMethod.allCases)
    func `the status of children is lost where the program ignores it`(
        _ method: StartMethod
    ) async throws {
        #expect(try await run("ignored", method) == ["[0, 2, 4, 6, 8]", "20"])
    }

    @Test func `children whose status other code takes are started, and lost`() async throws {
        #expect(try await run("reaped") == ["0"])
    }

    @Test func `a child that others have reaped is lost, and its number left alone`() async throws {
        try await onThread {
            let started = try Processes.spawn(Processes.Plan(path: "true", arguments: []))
            var status: Int32 = 0
            let reaped = unsafe waitpid(started.pid, &status, 0)
            #expect(reaped == started.pid)
            let child = try ChildProcess(started: started)
            child.kill()
            #expect(try child.join() == .lost)
        }
    }

    @Test func `dropped handles of forks leave no descriptor`() async throws {
        #expect(try await run("dropped", .fork) == ["0"])
    }

    @Test func `a program may fork as soon as it has joined its last thread`() async throws {
        #expect(try await run("joined", .fork) == ["0"])
    }

    // MARK: How programs are started

    @Test(arguments: ["1", "0", "-1", "\(getpid())", "\(getpid()) bound", ""])
    func `whoever sets the variable of children gets the program all the same`(
        _ value: String
    ) async throws {
        try await onThread {
            var options = piped
            options.environment = ProcessInfo.processInfo.environment
            options.environment?["PLAIT_CHILD"] = value
            let child = try ChildProcess.start(
                try Built.program("ForkProbe"), ["hostile", "words", "spawn"], options)
            #expect(text(try child.output!.readToEnd()) == "the program's own main\n")
            #expect(try child.join() == .code(0))
        }
    }

    @Test(arguments: StartMethod.allCases)
    func `no descriptor takes the place of a standard stream that was closed`(
        _ method: StartMethod
    ) async throws {
        try await onThread {
            let child = try ChildProcess.start(
                "sh",
                [
                    "-c", #"exec "$0" hostile standard \#(method.rawValue) <&- >&- 2>&-"#,
                    try Built.program("ForkProbe"),
                ])
            #expect(try child.join() == .code(0))
        }
    }

    @Test func `texts that C would cut, and limits out of range, are refused`() async throws {
        @Sendable func isRefused(_ change: (inout ChildProcess.Options) -> Void) {
            var options = ChildProcess.Options.ofFunction
            change(&options)
            let program = #expect(throws: SystemError.self) {
                try ChildProcess.start("true", [], options)
            }
            #expect(program?.errno == .invalidArgument)
            for method in [StartMethod.forkServer, .spawn] {
                let function = #expect(throws: SystemError.self) {
                    try spawn(.process, Twice.self, 1, method: method, options: options)
                }
                #expect(function?.errno == .invalidArgument)
            }
        }
        try await onThread {
            for (path, argument) in [("true\0x", "a"), ("true", "a\0b")] {
                let error = #expect(throws: SystemError.self) {
                    try ChildProcess.start(path, ["x", argument])
                }
                #expect(error?.errno == .invalidArgument)
                #expect(error?.subject.contains("zero byte") == true)
            }
            isRefused { $0.environment = ["A": "b\0c"] }
            isRefused { $0.environment = ["A\0B": "c"] }
            isRefused { $0.environment = ["A=B": "c"] }
            isRefused { $0.environment = ["": "c"] }
            isRefused { $0.workingDirectory = "/proc\0/self" }
            isRefused { $0.limits.memory = -1 }
            isRefused { $0.limits.processorSeconds = 0 }
            isRefused { $0.limits.descriptors = -5 }
            isRefused { $0.processors = [0, 1 << 20] }
            isRefused { $0.parentDeathSignal = Signal(number: 1_000) }
        }
    }
}
