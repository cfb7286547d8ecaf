import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitStrands
import TestSupport
import Testing

/// `parallelMap` in a program with one thread: see `ParallelCases` of `ForkProbe`.
@Suite(.timeLimit(.hang))
struct ParallelMapTests {
    static let cases: [(name: String, lines: [String])] = [
        ("order", ["true true true true true true true true true true [] [8]"]),
        ("copies", ["true 0", "true"]),
        ("large", ["true"]),
        ("errors", ["Refused(number: 1)", "Plain Plain() true"]),
        ("crash", ["true signal 9 (Killed)"]),
        ("options", [#"["/proc"]"#]),
        ("fibers", ["CancellationError", "3"]),
        ("threads", ["2 true"]),
    ]

    @Test(arguments: cases.indices)
    func `copies share work`(_ index: Int) async throws {
        let (name, expected) = Self.cases[index]
        let (lines, said) = try await onThread {
            let child = try ChildProcess.start(
                try Built.program("ForkProbe"), ["parallel", name], piped)
            let lines = text(try child.output!.readToEnd()).split(separator: "\n").map(String.init)
            let said = text(try child.errorOutput!.readToEnd())
            #expect(try child.join() == .code(0), "\(name)")
            return (lines, said)
        }
        #expect(lines == expected + ["left 0"], "\(name): \(said)")
    }
}
