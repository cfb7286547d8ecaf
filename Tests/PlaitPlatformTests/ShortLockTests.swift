import PlaitPlatform
import Synchronization
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct ShortLockTests {
    final class Counter: @unchecked Sendable {
        // Sendable: `lock` guards `value`.
        let lock = ShortLock()
        var value = 0
        let insiders = Atomic<Int>(0)
        let mostInsiders = Atomic<Int>(0)
    }

    @Test func `several threads exclude one another`() async throws {
        let counter = Counter()
        let rounds = 20_000
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await onThread {
                        for _ in 0..<rounds {
                            counter.lock.withLock {
                                let inside = counter.insiders.wrappingAdd(1, ordering: .relaxed)
                                counter.mostInsiders.max(inside.newValue, ordering: .relaxed)
                                counter.value += 1
                                counter.insiders.wrappingSubtract(1, ordering: .relaxed)
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(counter.value == 4 * rounds)
        #expect(counter.mostInsiders.load(ordering: .relaxed) == 1)
    }

    @Test func `a holder that is preempted does not lose those who sleep for it`() async throws {
        let counter = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await onThread {
                        for _ in 0..<500 {
                            counter.lock.lock()
                            counter.value += 1
                            // Long enough for the others to stop spinning and sleep.
                            yieldThread()
                            counter.lock.unlock()
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(counter.value == 2_000)
    }

    @Test func `an error leaves it unlocked`() {
        struct Failure: Error {}
        let counter = Counter()
        #expect(throws: Failure.self) { try counter.lock.withLock { throw Failure() } }
        #expect(counter.lock.withLock { 1 } == 1)
    }
}
