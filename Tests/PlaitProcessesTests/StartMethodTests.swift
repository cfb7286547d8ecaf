import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitStrands
import TestSupport
import Testing

/// One list of cases, which each start method runs: see `MethodCases` of `ForkProbe`.
@Suite(.timeLimit(.hang))
struct StartMethodTests {
    /// What the probe prints for a case.
    static let cases: [(name: String, lines: [String])] = [
        ("value", ["42", "true", "190"]),
        ("error", ["Refused(number: 3)", "Plain Plain() true"]),
        ("trap", ["trapper signal false"]),
        ("kill", ["killed signal false", "signal 9 (Killed)"]),
        ("exit", ["leaver exit code 7 false"]),
        ("limit", ["TimedOut true false", "resting signal false"]),
        ("late end", ["TimedOut", "42"]),
        ("cancelled", ["CancellationError true", "started signal false", "190"]),
        ("shared", ["first second", "4711"]),
        ("place", ["true 1 /proc true", #"["a=b", "", "nil", "nil"]"#]),
        ("here", ["/proc", "/"]),
        ("memory", ["hoarder signal false"]),
        ("descriptors", ["true"]),
        ("streams", ["A LINE"]),
        ("many", ["[0, 2, 4, 6, 8, 10, 12, 14, 16, 18]"]),
        ("manager", ["1 false", "[1, 1, 1]"]),
        ("contention", ["2", "15", "15", "15"]),
        ("nested", ["8 by a child of a child"]),
    ]

    /// What the probe prints, once it has ended well.
    private func run(_ name: String, _ method: StartMethod) async throws -> [String] {
        try await onThread {
            let child = try ChildProcess.start(
                try Built.program("ForkProbe"), ["method", name, method.rawValue], piped)
            let lines = text(try child.output!.readToEnd()).split(separator: "\n").map(String.init)
            #expect(try child.join() == .code(0))
            return lines
        }
    }

    // MP-120
    @Test func `these are the start methods`() {
        #expect(StartMethod.allCases == [.fork, .forkServer, .spawn])
        #expect(StartMethod(rawValue: "forkServer") == .forkServer)
    }

    @Test(arguments: StartMethod.allCases, cases.indices)
    func `a function does the same whatever the start method`(
        _ method: StartMethod, _ index: Int
    ) async throws {
        let (name, expected) = Self.cases[index]
        let lines = try await run(name, method)
        #expect(lines == expected, "\(name) by \(method)")
    }

    @Test(arguments: StartMethod.allCases)
    func `a daemon ends with the program`(_ method: StartMethod) async throws {
        let lines = try await run("daemon", method)
        let pid = try #require(Int32(lines.first ?? ""))
        #expect(processState(pid) == nil)
    }

    @Test(arguments: StartMethod.allCases)
    func `the program waits for a process that is no daemon`(_ method: StartMethod) async throws {
        let lines = try await run("waited for", method)
        let pid = try #require(Int32(lines.first ?? ""))
        #expect(lines.dropFirst() == ["the program ends", "the process says"])
        #expect(processState(pid) == nil)
    }
}
