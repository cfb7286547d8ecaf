import Foundation
import PlaitPlatform
import PlaitProcesses
import TestSupport
import Testing

/// Programs that were built beside the tests.
enum Built {
    static func program(_ name: String) throws -> String {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appending(path: name).path()
    }
}

func forkProbe(_ probe: String...) async throws -> [String] { try await forkProbe(probe) }

/// What `ForkProbe` prints, line by line.
func forkProbe(_ probe: [String]) async throws -> [String] {
    try await onThread {
        let child = try ChildProcess.start(try Built.program("ForkProbe"), probe, piped)
        let lines = text(try child.output!.readToEnd()).split(separator: "\n").map(String.init)
        #expect(try child.join() == .code(0))
        return lines
    }
}

/// The letter of `/proc/PID/stat` for what a process does, such as Z for a zombie; nil when there
/// is no such process.
func processState(_ pid: Int32) -> Character? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
        let end = text.lastIndex(of: ")")
    else { return nil }
    return text[end...].dropFirst(2).first
}

/// Options with pipes for standard input and output, and a child that does not outlive the tests.
var piped: ChildProcess.Options {
    var options = ChildProcess.Options()
    options.input = .pipe
    options.output = .pipe
    options.errorOutput = .pipe
    options.parentDeathSignal = .kill
    return options
}

/// Whether the slow tests are to do all that they can, as in `make stress`.
let isStressed =
    (ProcessInfo.processInfo.environment["PLAIT_STRESS"].flatMap(Double.init) ?? 1) > 1
