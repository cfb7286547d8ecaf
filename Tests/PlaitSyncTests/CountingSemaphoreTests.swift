import PlaitParking
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.minutes(1)))
struct CountingSemaphoreTests {
    // TH-025
    @Test func `a negative number of permits traps`() async {
        await #expect(processExitsWith: .failure) { _ = CountingSemaphore(permits: -1) }
    }

    @Test(arguments: [0, -1])
    func `releasing less than one permit traps`(_ count: Int) async {
        await #expect(processExitsWith: .failure) { [count] in
            CountingSemaphore(permits: 1).release(count)
        }
    }

    // TH-026
    @Test func `as many are taken as there are, without waiting`() async throws {
        let semaphore = CountingSemaphore(permits: 3)
        try await onThread {
            for _ in 0..<3 { try semaphore.acquire() }
            #expect(!semaphore.tryAcquire())
            #expect(semaphore.permits == 0)
            for _ in 0..<3 { semaphore.release() }
        }
        #expect(semaphore.permits == 3)
        for _ in 0..<3 { try await semaphore.acquire() }
        #expect(!semaphore.tryAcquire())
    }

    // TH-029
    @Test(arguments: StrandKind.allCases)
    func `a timed wait tells whether it got a permit`(_ kind: StrandKind) async throws {
        let semaphore = CountingSemaphore(permits: 1)
        try await onStrand(kind) { () throws in
            #expect(try semaphore.acquire(within: .milliseconds(1)))
            #expect(try !semaphore.acquire(within: .zero))
            #expect(try !semaphore.acquire(within: .milliseconds(1)))
            semaphore.release()
            #expect(try semaphore.acquire(within: .zero))
        }
        #expect(try await !semaphore.acquire(within: .zero))
        #expect(try await !semaphore.acquire(within: .milliseconds(1)))
        semaphore.release()
        #expect(try await semaphore.acquire(within: .zero))
    }

    // TH-031
    @Test func `more may be released than there were, and are usable`() {
        let semaphore = CountingSemaphore(permits: 1)
        semaphore.release()
        semaphore.release(2)
        #expect(semaphore.permits == 4)
        for _ in 0..<4 { #expect(semaphore.tryAcquire()) }
        #expect(!semaphore.tryAcquire())
    }

    // TH-028
    @Test func `releasing several wakes as many, and keeps the rest`() async throws {
        let semaphore = CountingSemaphore(permits: 0)
        let waiting = WaiterKind.allCases.map { kind in
            kind.start({ try semaphore.acquire() }, task: { try await semaphore.acquire() })
        }
        for waiter in waiting { try await waiter.untilParked() }
        semaphore.release(5)
        for waiter in waiting { try await waiter.value() }
        #expect(semaphore.permits == 2)
    }

    @Test func `permits go to waiters in the order in which they came`() async throws {
        let semaphore = CountingSemaphore(permits: 0)
        let order = Box<[Int]>([])
        var waiting: [Started<Void>] = []
        for (number, kind) in (WaiterKind.allCases + WaiterKind.allCases).enumerated() {
            let waiter = kind.start(
                {
                    try semaphore.acquire()
                    order.update { $0.append(number) }
                },
                task: {
                    try await semaphore.acquire()
                    order.update { $0.append(number) }
                })
            try await waiter.untilParked()
            waiting.append(waiter)
        }
        for waiter in waiting {
            semaphore.release()
            #expect(!semaphore.tryAcquire(), "a permit went past those who wait")
            try await waiter.value()
        }
        #expect(order.value == Array(0..<6))
    }

    @Test func `a cancelled waiter takes no permit`() async throws {
        let semaphore = CountingSemaphore(permits: 0)
        for kind in WaiterKind.allCases {
            let waiter = kind.start(
                { try semaphore.acquire() }, task: { try await semaphore.acquire() })
            try await waiter.untilParked()
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value() }
        }
        semaphore.release()
        #expect(semaphore.permits == 1)
    }
}
