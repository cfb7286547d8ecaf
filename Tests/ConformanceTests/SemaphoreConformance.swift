import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.minutes(1)))
struct SemaphoreConformance {
    @Test(arguments: WaiterKind.pairs)
    func `a permit that one releases goes to the other`(
        _ releaser: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let semaphore = CountingSemaphore(permits: 0)
        let waiting = waiter.start(
            { try semaphore.acquire() }, task: { try await semaphore.acquire() })
        try await waiting.untilParked()
        try await releaser.start({ semaphore.release() }, task: { semaphore.release() }).value()
        try await waiting.value()
        #expect(semaphore.permits == 0)
    }

    @Test(arguments: WaiterKind.pairs)
    func `a permit meant for one who was cancelled goes to the next`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let semaphore = CountingSemaphore(permits: 0)
        let first = cancelled.start(
            { try semaphore.acquire() }, task: { try await semaphore.acquire() })
        try await first.untilParked()
        let second = patient.start(
            { try semaphore.acquire() }, task: { try await semaphore.acquire() })
        try await second.untilParked()
        // The first may still be in the queue when the permit comes, cancelled already.
        first.cancel()
        semaphore.release()
        do {
            try await first.value()
            // The cancellation of a fiber takes the way through its hub, and may come too late.
            semaphore.release()
        } catch is CancellationError {}
        try await second.value()
        #expect(semaphore.permits == 0)
    }

    // TH-029
    @Test(arguments: WaiterKind.allCases)
    func `a timed wait has a permit while there is one`(_ kind: WaiterKind) async throws {
        let semaphore = CountingSemaphore(permits: 2)
        func acquire(_ limit: Duration) async throws -> Bool {
            try await kind.start(
                { try semaphore.acquire(within: limit) },
                task: { try await semaphore.acquire(within: limit) }
            ).value()
        }
        #expect(try await acquire(.zero))
        #expect(try await acquire(.milliseconds(1)))
        #expect(try await !acquire(.zero))
        #expect(try await !acquire(.milliseconds(1)))
        #expect(semaphore.permits == 0)
    }
}
