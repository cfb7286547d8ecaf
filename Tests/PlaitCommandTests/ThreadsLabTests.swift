import Foundation
import Plait
import Testing
import TestSupport

/// The experiments of `plait lab threads`, run as a user runs them, in a hurry.
@Suite(.timeLimit(.hang))
struct ThreadsLabTests {
    private struct Report: Decodable {
        struct Experiment: Decodable {
            struct Moment: Decodable {
                let strand: String
                let what: String
            }
            let name: String
            let facts: [String: Int]
            let lines: [String]
            let moments: [Moment]
        }
        let experiments: [Experiment]
    }

    private static func run(_ name: String, _ kind: String) async throws -> Report.Experiment {
        let output = try await onThread {
            let child = try plait(
                "lab", "threads", name, "--kind", kind, "--scale", "0.1", "--json")
            var text = ""
            while let line = try child.output!.readLine() { text += line }
            #expect(try child.join() == .code(0))
            return text
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(output.utf8))
        #expect(report.experiments.map(\.name) == [name])
        return try #require(report.experiments.first)
    }

    private static let kinds = ["thread", "fiber"]

    @Test(arguments: kinds)
    func `updates are lost without a lock, and none with one`(_ kind: String) async throws {
        let facts = try await Self.run("lost-update", kind).facts
        #expect(facts == ["without": 99, "with": 0])
    }

    @Test(arguments: kinds)
    func `under a lock as many tickets are sold as there are, else no fewer`(_ kind: String)
        async throws
    {
        let result = try await Self.run("tickets", kind)
        #expect(try #require(result.facts["soldWithout"]) >= 10)
        #expect(result.facts["soldWith"] == 10)
        let last = result.moments.suffix(2).map(\.what)
        #expect(last == ["opens the counters, with a lock", "sells ticket 10"])
    }

    @Test(arguments: kinds)
    func `the embrace is found once, and its cures work`(_ kind: String) async throws {
        let result = try await Self.run("deadlock", kind)
        #expect(result.facts == ["deadlocks": 1, "depth": 2])
        #expect(result.moments.count { $0.what == "holds B" } == 1)
        // The error names both, and what each holds and waits for.
        let report = result.lines.prefix { !$0.hasPrefix("Taken in one order") }.joined()
        for name in ["first", "second", "Lock A", "Lock B"] { #expect(report.contains(name)) }
        // The cure: whoever holds A has B before the other has A.
        let cured = result.moments.filter { ["third", "fourth"].contains($0.strand) }
        #expect(cured.map(\.what) == ["holds A", "holds B too", "holds A", "holds B too"])
        #expect(cured[0].strand == cured[1].strand && cured[2].strand == cured[3].strand)
    }

    @Test(arguments: kinds)
    func `no car drives before green, and all of them after it`(_ kind: String) async throws {
        let result = try await Self.run("traffic-light", kind)
        #expect(result.facts == ["passedAtRed": 0, "drove": 8])
        var isGreen = false
        for moment in result.moments {
            if moment.what == "green" { isGreen = true }
            if moment.what == "red" { isGreen = false }
            if moment.what == "drives" { #expect(isGreen, "\(moment.strand) drove at red") }
        }
    }

    @Test(arguments: kinds)
    func `five work at a time, never more`(_ kind: String) async throws {
        let facts = try await Self.run("workers", kind).facts
        #expect(facts == ["most": 5, "finished": 20])
    }

    @Test(arguments: kinds)
    func `join returns when every item is done`(_ kind: String) async throws {
        let result = try await Self.run("queue", kind)
        #expect(result.facts == ["doneAtJoin": 20])
        #expect(result.moments.map(\.what).suffix(2).first == "join returns: 20 items are done")
    }

    @Test func `the program waits for threads that are no daemons`() async throws {
        let result = try await Self.run("joining", "thread")
        #expect(
            result.facts == [
                "joinedEnded": 2, "joinedMainLast": 1, "leftEnded": 2, "leftMainLast": 0,
                "daemonEnded": 0, "daemonMainLast": 1,
            ])
        #expect(
            result.moments.map(\.what) == [
                "joined: task 1 has ended", "joined: task 2 has ended", "joined: main is done",
                "left: main is done", "left: task 1 has ended", "left: task 2 has ended",
                "daemon: main is done",
            ])
    }

    @Test(arguments: kinds)
    func `fifty sleepers sleep at the same time`(_ kind: String) async throws {
        let facts = try await Self.run("sleepers", kind).facts
        #expect(facts["slept"] == 50)
        let took = try #require(facts["milliseconds"])
        #expect(took >= 300)
        #expect(took < facts["oneAfterAnother"]!, "they slept one after another")
    }

    @Test(arguments: kinds)
    func `every strand has a value of its own`(_ kind: String) async throws {
        let facts = try await Self.run("local", kind).facts
        #expect(facts == ["right": 1, "main": 0])
    }

    @Test func `the lab lists every experiment with a line each`() async throws {
        let listed = try await onThread {
            let child = try plait("lab")
            let said = try child.output!.readToEnd()
            #expect(try child.join() == .code(0))
            return text(said).split(separator: "\n")
        }
        let names = [
            "lost-update", "tickets", "deadlock", "traffic-light", "workers", "queue", "joining",
            "sleepers", "local",
        ]
        for name in ["c10k", "gil"] + names.map({ "threads \($0)" }) {
            #expect(listed.count { $0.hasPrefix("  \(name) ") } == 1, "\(name)")
        }
    }

    @Test func `an experiment that does not exist is refused with those that do`() async throws {
        let said = try await onThread {
            let child = try plait("lab", "threads", "nonsense")
            let said = try child.errorOutput!.readToEnd()
            #expect(try child.join() == .code(64))
            return text(said)
        }
        #expect(said.contains("'nonsense' is not an experiment"))
        #expect(said.contains("lost-update"))
    }
}
