import PlaitParking
@testable import PlaitProcesses
import PlaitStrands
import TestSupport
import Testing

/// Strands that take something again at once after they have given it up.
@Suite(.timeLimit(.hang))
struct SharedTurnsTests {
    private static let turns = 10

    /// Two strands take turns until both have had some.
    private static func takeTurns(
        _ kind: StrandKind, _ turn: @escaping @Sendable () throws -> Void
    ) throws {
        let counts = Box([0, 0])
        let strands = (0..<2).map { index in
            spawn(kind: kind) {
                while counts.value.min() ?? 0 < Self.turns {
                    counts.update { $0[index] += 1 }
                    // The other would have to be beaten a hundred times for each of its turns.
                    guard counts.value[index] < 100 * Self.turns else { break }
                    try turn()
                }
            }
        }
        for strand in strands { try strand.join() }
        let least = counts.value.min() ?? 0
        #expect(least >= Self.turns, "\(counts.value)")
    }

    @Test(arguments: StrandKind.allCases)
    func `two that share a semaphore both go on`(_ kind: StrandKind) async throws {
        try await onThread {
            let permits = try ProcessSemaphore(permits: 1)
            try Self.takeTurns(kind) {
                try permits.withPermit { try Strand.sleep(for: .milliseconds(2)) }
            }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `two that share a lock both go on`(_ kind: StrandKind) async throws {
        try await onThread {
            let lock = try ProcessLock()
            try Self.takeTurns(kind) {
                try lock.withLock { _ in try Strand.sleep(for: .milliseconds(2)) }
            }
        }
    }

    @Test func `a lock whose waiter has left is free at once for one that only tries`() async throws
    {
        try await onThread {
            let lock = try ProcessLock()
            try lock.acquire()
            let waiter = spawn(.thread) { try lock.acquire(within: .milliseconds(20)) }
            #expect(try waiter.join() == nil)
            lock.release()
            #expect(try lock.acquire(within: .zero) == .acquired)
            lock.release()
            #expect(try lock.acquire() == .acquired)
            lock.release()
        }
    }
}
