import Foundation
import Plait
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct C10kTests {
    private struct Results: Decodable {
        struct Result: Decodable {
            var model: String
            var clients: Int
            var held: Int
            var errors: Int
            var messagesPerSecond: Double
            var p50Microseconds: Double
            var p99Microseconds: Double
            var p999Microseconds: Double
            var bytesPerClient: Int
        }
        var results: [Result]
    }

    @Test func `every model holds its clients without an error`() async throws {
        try await onThread {
            let lab = try plait("lab", "c10k", "--clients", "50", "--seconds", "1", "--json")
            // Else a full pipe would stop it.
            let progress = spawn(.thread) { try lab.errorOutput!.readToEnd() }
            let output = Data(try lab.output!.readToEnd())
            let results = try JSONDecoder().decode(Results.self, from: output).results
            #expect(results.map(\.model) == ["fiber", "thread", "process"])
            for result in results {
                #expect(result.clients == 50)
                #expect(result.held == 50)
                #expect(result.errors == 0)
                #expect(result.messagesPerSecond > 50)
                #expect(result.p50Microseconds > 0)
                #expect(result.p50Microseconds <= result.p99Microseconds)
                #expect(result.p99Microseconds <= result.p999Microseconds)
                #expect(result.bytesPerClient > 0)
            }
            #expect(try lab.join() == .code(0))
            #expect(text(try progress.join()).contains("fiber: exchanging messages\n"))
        }
    }

    @Test func `a signal ends it with what there is and leaves no process`() async throws {
        try await onThread {
            let seed = "8123409876512345"
            let lab = try plait(
                "lab", "c10k", "--clients", "20", "--seconds", "60", "--models", "process",
                "--seed", seed)
            while let line = try lab.errorOutput!.readLine(), !line.contains("exchanging") {}
            try lab.send(.interrupt)
            let table = text(try lab.output!.readToEnd())
            #expect(table.contains("process       20    20"))
            #expect(table.contains("ended early by signal 2"))
            #expect(try lab.join() == .code(128 + Signal.interrupt.number))
            #expect(!isRunning(withArgument: seed))
        }
    }

    @Test func `lab alone lists the experiments`() async throws {
        try await onThread {
            let lab = try plait("lab")
            #expect(text(try lab.output!.readToEnd()).contains("c10k"))
            #expect(try lab.join() == .code(0))
        }
    }
}
