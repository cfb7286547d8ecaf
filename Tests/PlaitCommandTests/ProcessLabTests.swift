import Foundation
import Plait
import TestSupport
import Testing

/// The experiments of `plait lab process`, run as a user runs them.
@Suite(.timeLimit(.hang))
struct ProcessLabTests {
    private struct Report: Decodable {
        struct Experiment: Decodable {
            let name: String
            let facts: [String: Int]
            let lines: [String]
        }
        let experiments: [Experiment]
    }

    private static func run(_ name: String) async throws -> Report.Experiment {
        let output = try await onThread {
            let child = try plait("lab", "process", name, "--json")
            let said = try child.output!.readToEnd()
            #expect(try child.join() == .code(0))
            return said
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(output))
        #expect(report.experiments.map(\.name) == [name])
        return try #require(report.experiments.first)
    }

    @Test func `two producers' items come in the order of each`() async throws {
        let result = try await Self.run("queue")
        #expect(result.facts == ["sum": 165, "inOrder": 1])
        #expect(
            result.lines.prefix(2) == [
                "first producer:  1 2 3 4 5", "second producer: 10 20 30 40 50",
            ])
    }

    @Test func `questions are answered until the connection is closed`() async throws {
        let result = try await Self.run("pipe")
        #expect(result.facts == ["answered": 2])
        #expect(result.lines.prefix(2) == ["plait -> tialp", "stressed -> desserts"])
    }

    @Test func `no count is lost`() async throws {
        #expect(try await Self.run("value").facts == ["count": 4_000])
    }

    @Test func `each answer is called back, the crash too`() async throws {
        let result = try await Self.run("pool")
        #expect(result.facts == ["called": 9, "completed": 8, "crashed": 1])
        #expect(result.lines[0] == "1 -> 1" && result.lines[8] == "9 -> 81")
        #expect(result.lines[6].hasPrefix("7 -> WorkerCrashed by "))
        #expect(result.lines[6].hasSuffix("Fatal error: seven is bad luck"))
    }

    @Test func `a manager keeps what three processes do`() async throws {
        let result = try await Self.run("manager")
        #expect(result.facts == ["squares": 3, "odd": 2, "ended": 1])
        #expect(result.lines.prefix(2) == ["squares: 1: 1, 2: 4, 3: 9", "votes for odd: 2"])
    }

    private static func row(_ process: String, _ parent: String, _ state: String) -> String {
        [process, parent].map { $0.padding(toLength: 12, withPad: " ", startingAt: 0) }.joined()
            + state
    }

    @Test func `a zombie is seen in the table, and gone once it is joined`() async throws {
        let result = try await Self.run("zombie")
        #expect(result.facts == ["zombies": 1, "left": 0])
        #expect(result.lines[0] == Self.row("PROCESS", "PARENT", "STATE"))
        #expect(result.lines[1].hasPrefix("watcher") && result.lines[1].hasSuffix("S"))
        #expect(result.lines[2] == Self.row("middle", "watcher", "S"))
        #expect(result.lines[3] == Self.row("child", "middle", "Z"))
        #expect(result.lines[4] == "The parent joins: exit code 0. The row is gone.")
    }

    @Test func `an orphan is adopted, by the system or by this process`() async throws {
        let result = try await Self.run("orphan")
        #expect(result.facts == ["adopted": 1, "left": 0])
        let rows = result.lines.filter { $0.hasPrefix("child ") }
        #expect(rows.count == 3)
        #expect(rows[0] == Self.row("child", "middle", "S"))
        #expect(!rows[1].contains("middle") && !rows[1].contains("watcher"))
        #expect(rows[2] == Self.row("child", "watcher", "S"))
    }

    @Test func `the lab lists its experiments with processes`() async throws {
        let listed = try await onThread {
            text(try plait("lab").output!.readToEnd()).split(separator: "\n")
        }
        for name in ["queue", "pipe", "value", "pool", "manager", "zombie", "orphan"] {
            #expect(listed.count { $0.hasPrefix("  process \(name) ") } == 1, "\(name)")
        }
    }
}
