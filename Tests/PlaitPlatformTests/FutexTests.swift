import PlaitPlatform
import Synchronization
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct FutexTests {
    /// The word lives in an object, since a futex is its address.
    final class Word: Sendable {
        let value = Atomic<UInt32>(0)
        let sleepers = Atomic<Int>(0)
    }

    @Test func `a word that differs already does not sleep`() {
        let word = Word()
        #expect(Futex.wait(on: word.value, while: 1, until: .never) == .differs)
    }

    @Test func `a deadline ends the sleep, and not before it has come`() {
        let word = Word()
        let deadline = Deadline(within: .milliseconds(5))
        var result = Futex.wait(on: word.value, while: 0, until: deadline)
        while result == .woken { result = Futex.wait(on: word.value, while: 0, until: deadline) }
        #expect(result == .timedOut)
        #expect(Deadline.now >= deadline)
    }

    @Test func `an immediate deadline does not sleep`() {
        let word = Word()
        #expect(Futex.wait(on: word.value, while: 0, until: .immediate) == .timedOut)
    }

    @Test func `a wake after a change lets the sleeper go on`() async throws {
        let word = Word()
        async let sleeper: Void = onThread {
            while word.value.load(ordering: .acquiring) == 0 {
                _ = Futex.wait(on: word.value, while: 0, until: .never)
            }
        }
        word.value.store(1, ordering: .releasing)
        Futex.wake(word.value)
        try await sleeper
    }

    @Test func `a wake of all wakes every sleeper`() async throws {
        let word = Word()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await onThread {
                        word.sleepers.wrappingAdd(1, ordering: .relaxed)
                        while word.value.load(ordering: .acquiring) == 0 {
                            _ = Futex.wait(on: word.value, while: 0, until: .never)
                        }
                    }
                }
            }
            try await until { word.sleepers.load(ordering: .relaxed) == 4 }
            word.value.store(1, ordering: .releasing)
            Futex.wake(word.value, count: .max)
            try await group.waitForAll()
        }
    }

    @Test func `a wake that nobody waits for is not kept`() {
        let word = Word()
        Futex.wake(word.value)
        #expect(
            Futex.wait(on: word.value, while: 0, until: Deadline(within: .milliseconds(1)))
                == .timedOut)
    }
}
