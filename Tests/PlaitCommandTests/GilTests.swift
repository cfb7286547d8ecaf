import Foundation
import Plait
import TestSupport
import Testing

/// The command `plait lab gil`.
@Suite(.timeLimit(.hang))
struct GilTests {
    private struct Results: Decodable {
        struct Computation: Decodable {
            struct Trial: Decodable {
                var policy: String
                var seconds: Double
                var ratio: Double
                var switches: Int
            }
            var instructions: Int
            var sequenceSeconds: Double
            var threads: [Trial]
        }
        struct Echo: Decodable {
            var policy: String
            var hasHog: Bool
            var roundTrips: Int
            var perSecond: Double
            var p50Microseconds: Double?
            var p99Microseconds: Double?
            var longestMicroseconds: Double
            var forcedReleases: Int
            var offers: Int
            var failedRetakes: Int
        }
        struct LostUpdate: Decodable {
            struct Walk: Decodable {
                struct Step: Decodable {
                    var thread: String
                    var line: Int
                    var instruction: String
                    var stack: String
                    var count: String
                    var isBlocked: Bool
                }
                var steps: [Step]
                var increments: Int
                var count: Int
                var disassembly: [String]
            }
            struct AtLarge: Decodable {
                var increments: Int
                var count: Int
            }
            var withoutLock: Walk
            var withLock: Walk
            var atLarge: AtLarge
        }
        var computation: Computation
        var echo: [Echo]
        var lostUpdate: LostUpdate
    }

    @Test func `all experiments have results`() async throws {
        try await onThread {
            let lab = try plait(
                "lab", "gil", "--seconds", "1", "--interval", "2,0.1", "--ticks", "50", "--json")
            let progress = spawn(.thread) { try lab.errorOutput!.readToEnd() }
            let output = Data(try lab.output!.readToEnd())
            let results = try JSONDecoder().decode(Results.self, from: output)
            let computation = results.computation
            #expect(computation.threads.map(\.policy) == ["2 ms", "50 ticks"])
            #expect(computation.instructions > 1_000)
            #expect(computation.threads.allSatisfy { $0.ratio > 0 && $0.seconds > 0 })
            #expect(results.echo.map(\.hasHog) == [false, true, true, true])
            #expect(results.echo.map(\.policy) == ["2 ms", "2 ms", "0.1 ms", "50 ticks"])
            // Only with an interval does anybody ask, and only with ticks is anything offered. How
            // often is a matter of time: the guarantee itself is in InterpreterLockStateTests.
            for echo in results.echo[1...2] { #expect(echo.offers == 0) }
            #expect(results.echo[3].forcedReleases == 0)
            #expect(results.lostUpdate.withoutLock.count == 1)
            #expect(results.lostUpdate.withLock.count == 2)
            #expect(results.lostUpdate.withLock.steps.contains { $0.isBlocked })
            let atLarge = results.lostUpdate.atLarge
            #expect((1...atLarge.increments).contains(atLarge.count))
            #expect(try lab.join() == .code(0))
            #expect(text(try progress.join()).contains("two threads that compute\n"))
        }
    }

    @Test func `a signal ends it with what there is`() async throws {
        try await onThread {
            let lab = try plait("lab", "gil", "--seconds", "20")
            while let line = try lab.errorOutput!.readLine(), !line.contains("echo, 5 ms") {}
            try lab.send(.interrupt)
            let report = text(try lab.output!.readToEnd())
            #expect(report.contains("(a) Two threads that compute"))
            #expect(report.contains("ended early by signal 2"))
            #expect(try lab.join() == .code(128 + Signal.interrupt.number))
        }
    }

    @Test func `a program of the user's is disassembled and run`() async throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("plait-gil-\(UUID().uuidString).lab").path
        defer {
            try? FileManager.default.removeItem(atPath: path)
            try? FileManager.default.removeItem(atPath: path + "c")
        }
        try Data("print(1 + 2)\n".utf8).write(to: URL(fileURLWithPath: path))
        try await onThread {
            let code = try plait("lab", "gil", "--disassemble", path)
            #expect(text(try code.output!.readToEnd()).contains("0  CONSTANT             1\n"))
            #expect(try code.join() == .code(0))
            let program = try plait("lab", "gil", "--run", path)
            #expect(text(try program.output!.readToEnd()) == "3\n")
            #expect(try program.join() == .code(0))
            #expect(FileManager.default.fileExists(atPath: path + "c"))
        }
        try Data("\nprint(missing)\n".utf8).write(to: URL(fileURLWithPath: path))
        try await onThread {
            let program = try plait("lab", "gil", "--run", path)
            let said = text(try program.errorOutput!.readToEnd())
            #expect(said.contains("\(path): line 2: there is no 'missing'"))
            #expect(try program.join() == .code(1))
        }
    }

    @Test(arguments: [
        ["--interval", "0"], ["--interval", "x"], ["--ticks", "0"], ["--seconds", "0"],
        ["--run", "a", "--disassemble", "b"],
    ])
    func `wrong options are refused`(_ options: [String]) async throws {
        try await onThread {
            let lab =
                options.count == 2
                ? try plait("lab", "gil", options[0], options[1])
                : try plait("lab", "gil", options[0], options[1], options[2], options[3])
            #expect(text(try lab.errorOutput!.readToEnd()).contains("Error"))
            #expect(try lab.join() != .code(0))
        }
    }
}
