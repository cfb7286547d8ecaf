import PlaitProcesses
import Testing
import TestSupport

/// Pools and queues under a saboteur: see `ChaosProbe`.
@Suite(.timeLimit(.hang))
struct ChaosTests {
    /// A tenth of the items; all of them in `make stress`.
    private static let items = isStressed ? 100_000 : 10_000

    // FU-036, MP-020
    @Test func `every item ends once, nothing hangs, and nothing is left`() async throws {
        let lines = try await onThread {
            let child = try ChildProcess.start(
                try Built.program("ChaosProbe"), ["\(Self.items)"], piped)
            let said = text(try child.output!.readToEnd())
            #expect(try child.join() == .code(0))
            return said.split(separator: "\n").map(String.init)
        }
        #expect(
            lines == [
                "pool: ended true wrong 0", "pool: most are values true strikes true",
                "queue: kept true repeated 0 torn 0", "queue: kills true", "nothing is left",
            ])
    }
}
