import Foundation
import PlaitParking
import PlaitStrands
import TestSupport
import Testing

struct CrashReportTests {
    @Test func `the report of a crash in a fiber shows its frames to its entry`() async throws {
        let report = try await onThread {
            let child = Process()
            child.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            child.arguments = [
                "--testing-library", "swift-testing", "--filter", "CrashingFiber",
            ]
            child.environment = ProcessInfo.processInfo.environment.merging([
                "PLAIT_CRASH_IN_FIBER": "1",
                "SWIFT_BACKTRACE": "enable=yes,color=no,threads=crashed,images=none",
            ]) { $1 }
            let output = Pipe()
            child.standardError = output
            child.standardOutput = output
            try child.run()
            let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
            child.waitUntilExit()
            #expect(child.terminationReason == .uncaughtSignal)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(report.contains("Program crashed"))
        var rest = report[...]
        for frame in ["innermost(", "middle(", "keepResult", "fiberEntry("] {
            let found = rest.range(of: frame)
            #expect(found != nil, "no \(frame), or not in its place, in:\n\(report)")
            rest = rest[(found?.upperBound ?? rest.startIndex)...]
        }
    }
}

/// What the test above runs in a process of its own: an exit test has no backtraces.
struct CrashingFiber {
    @Test(.enabled(if: isSet("PLAIT_CRASH_IN_FIBER"), "crashes: for CrashReportTests to run"))
    func `an index out of range in a fiber`() async throws {
        try await onThread {
            _ = try spawn(.fiber) { middle([1, 2, 3]) }.join()
        }
    }
}

@inline(never)
private func middle(_ numbers: [Int]) -> Int { innermost(numbers) + numbers.count }

@inline(never)
private func innermost(_ numbers: [Int]) -> Int { numbers[numbers.count + 4] }
