import PlaitParking
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct BoundedSemaphoreTests {
    @Test func `a negative number of permits traps and names the type`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            _ = BoundedSemaphore(permits: -1)
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains("a BoundedSemaphore needs permits >= 0, not -1"))
    }

    // TH-033, AS-140
    @Test func `releasing what was not acquired traps and names the strand`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread(named: "culprit") {
                BoundedSemaphore(permits: 2, name: "two").release()
            }
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(
            said.contains(
                "release of 1 more than were acquired of BoundedSemaphore(permits: 2/2, two), by "
                    + "strand culprit"))
    }

    @Test func `releasing more at once than were acquired traps`() async {
        await #expect(processExitsWith: .failure) {
            let semaphore = BoundedSemaphore(permits: 3)
            for _ in 0..<2 { #expect(semaphore.tryAcquire()) }
            semaphore.release(2)
            #expect(semaphore.tryAcquire())
            semaphore.release(2)
        }
    }

    // TH-071
    @Test func `as many releases as acquires at the same time succeed; one more traps`() async {
        let limit = 10
        let semaphore = BoundedSemaphore(permits: limit)
        await #expect(throws: Never.self) {
            for _ in 0..<20 {
                let latch = Latch(count: limit)
                let threads = (0..<limit).map { _ in
                    WaiterKind.thread.start(
                        {
                            try semaphore.acquire()
                            try latch.arriveAndWait()
                            semaphore.release()
                        }, task: {})
                }
                for thread in threads { try await thread.value() }
                #expect(semaphore.permits == limit)
            }
        }
        await #expect(processExitsWith: .failure) {
            // Of threads that release at the same time, one is too many: it finds no window.
            let semaphore = BoundedSemaphore(permits: 10)
            for _ in 0..<10 { #expect(semaphore.tryAcquire()) }
            let latch = Latch(count: 11)
            let threads = (0..<11).map { _ in
                WaiterKind.thread.start(
                    {
                        try latch.arriveAndWait()
                        semaphore.release()
                    }, task: {})
            }
            for thread in threads { try await thread.value() }
        }
    }

    @Test func `a permit that is handed to a waiter is not one too many`() async throws {
        let semaphore = BoundedSemaphore(permits: 1)
        #expect(semaphore.tryAcquire())
        for kind in WaiterKind.allCases {
            let waiting = kind.start(
                { try semaphore.acquire() }, task: { try await semaphore.acquire() })
            try await waiting.untilParked()
            semaphore.release()
            try await waiting.value()
            #expect(semaphore.permits == 0)
        }
        semaphore.release()
        #expect(semaphore.permits == 1)
    }

    // TH-032
    @Test func `it shows its permits and their bound`() {
        let semaphore = BoundedSemaphore(permits: 3)
        #expect(semaphore.tryAcquire())
        #expect("\(semaphore)".hasPrefix("BoundedSemaphore(permits: 2/3, "))
    }

    @Test(arguments: WaiterKind.allCases)
    func `withPermit gives back what it took, also when its body throws`(
        _ kind: WaiterKind
    ) async throws {
        struct Failure: Error {}
        let semaphore = BoundedSemaphore(permits: 1)
        let running = kind.start(
            {
                #expect(semaphore.withPermit { semaphore.permits } == 0)
                try semaphore.withPermit { throw Failure() }
            },
            task: {
                #expect(try await semaphore.withPermit { semaphore.permits } == 0)
                try await semaphore.withPermit { throw Failure() }
            })
        await #expect(throws: Failure.self) { try await running.value() }
        #expect(semaphore.permits == 1)
    }
}
