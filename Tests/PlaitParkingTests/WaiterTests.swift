@testable import PlaitParking
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct WaiterTests {
    @Test func `a wait ends once`() {
        let fake = FakeWaiter()
        #expect(fake.waiter.outcome == .pending)
        #expect(fake.waiter.settle(.timedOut))
        for outcome in [WaitOutcome.woken, .timedOut, .cancelled, .granted] {
            #expect(!fake.waiter.settle(outcome))
        }
        #expect(fake.waiter.outcome == .timedOut)
    }

    @Test func `settling does not unpark, unparking does not settle`() {
        let fake = FakeWaiter()
        _ = fake.waiter.settle(.woken)
        #expect(fake.unparks == 0)
        fake.waiter.unpark()
        #expect(fake.unparks == 1)
    }

    @Test func `of several threads that settle, exactly one succeeds`() async throws {
        let outcomes: [WaitOutcome] = [.woken, .timedOut, .cancelled]
        let fakes = (0..<2_000).map { _ in FakeWaiter() }
        let successes = Box(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for outcome in outcomes {
                group.addTask {
                    try await onThread {
                        var count = 0
                        for fake in fakes where fake.waiter.settle(outcome) { count += 1 }
                        successes.update { [count] in $0 += count }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(successes.value == fakes.count)
    }

    @Test func `a waiter says since when it waits, for what, and without an item`() {
        let fake = FakeWaiter()
        fake.waiter.since = 11
        #expect(fake.waiter.since == 11)
        let hasSlot = unsafe fake.waiter.slot != nil
        #expect(!hasSlot)
        #expect(fake.waiter.target.verb.description == "Fake.wait")
        let copy = unsafe Waiter(address: fake.waiter.address)
        #expect(copy == fake.waiter)
    }

    @Test func `only woken and granted count as woken`() throws {
        #expect(try WaitOutcome.woken.wasWoken())
        #expect(try WaitOutcome.granted.wasWoken())
        #expect(try !WaitOutcome.timedOut.wasWoken())
        #expect(throws: CancellationError.self) { try WaitOutcome.cancelled.wasWoken() }
    }
}
