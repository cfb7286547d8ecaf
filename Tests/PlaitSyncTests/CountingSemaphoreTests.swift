import PlaitParking
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct CountingSemaphoreTests {
    // TH-025, AS-136, EV-042
    @Test func `a negative number of permits traps`() async {
        await #expect(processExitsWith: .failure) { _ = CountingSemaphore(permits: -1) }
    }

    @Test(arguments: [0, -1])
    func `releasing less than one permit traps`(_ count: Int) async {
        await #expect(processExitsWith: .failure) { [count] in
            CountingSemaphore(permits: 1).release(count)
        }
    }

    // TH-026, GV-085
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

    // GV-084
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

    // AS-137
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

    // AS-135, EV-039
    @Test func `one with no permits gives none without waiting`() {
        let semaphore = CountingSemaphore(permits: 0)
        #expect(semaphore.permits == 0)
        #expect(!semaphore.tryAcquire())
        semaphore.release()
        #expect(semaphore.tryAcquire())
    }

    // TH-030
    @Test func `withPermit may be nested, and gives back what it took when its body throws`()
        async throws
    {
        struct Failure: Error {}
        let semaphore = CountingSemaphore(permits: 2)
        try await onThread {
            semaphore.withPermit {
                #expect(semaphore.permits == 1)
                #expect(semaphore.withPermit { semaphore.permits } == 0)
                #expect(throws: Failure.self) { try semaphore.withPermit { throw Failure() } }
                #expect(semaphore.permits == 1)
            }
            #expect(semaphore.permits == 2)
        }
        try await semaphore.withPermit { () async throws in
            #expect(try await semaphore.withPermit { semaphore.permits } == 0)
            await #expect(throws: Failure.self) {
                try await semaphore.withPermit { throw Failure() }
            }
            #expect(semaphore.permits == 1)
        }
        #expect(semaphore.permits == 2)
    }

    @Test func `withPermit of a strand waits even when it is cancelled; a task's does not`()
        async throws
    {
        let semaphore = CountingSemaphore(permits: 0)
        let isReached = Box(false)
        for kind in WaiterKind.allCases {
            isReached.set(false)
            let waiting = kind.start(
                {
                    semaphore.withPermit { isReached.set(true) }
                    #expect(throws: CancellationError.self) { try Event().wait() }
                },
                task: { try await semaphore.withPermit { isReached.set(true) } })
            try await waiting.untilParked()
            waiting.cancel()
            if kind == .task {
                await #expect(throws: CancellationError.self) { try await waiting.value() }
                #expect(!isReached.value)
            } else {
                semaphore.release()
                try await waiting.value()
                #expect(isReached.value)
                #expect(semaphore.tryAcquire())
            }
        }
    }

    // TH-032
    @Test func `it shows how many permits are free`() {
        let semaphore = CountingSemaphore(permits: 2)
        #expect("\(semaphore)".hasPrefix("CountingSemaphore(permits: 2, "))
        #expect(semaphore.tryAcquire())
        #expect("\(semaphore)".hasPrefix("CountingSemaphore(permits: 1, "))
    }
}
