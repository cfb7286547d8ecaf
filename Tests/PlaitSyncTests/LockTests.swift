import PlaitParking
import PlaitPlatform
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct LockTests {
    // TH-001
    @Test func `a lock that nobody used can go`() {
        _ = Lock()
    }

    // TH-004
    @Test func `trying takes a free lock and fails on a held one`() {
        let lock = Lock()
        #expect(!lock.isLocked)
        #expect(lock.tryAcquire())
        #expect(lock.isLocked)
        #expect(!lock.tryAcquire())
        lock.release()
        #expect(!lock.isLocked)
        #expect(lock.tryAcquire())
    }

    // TH-009
    @Test func `a wait that timed out leaves the lock as it was`() async throws {
        let lock = Lock()
        #expect(lock.tryAcquire())
        try await onThread { () throws in
            #expect(try !lock.acquire(within: .zero))
            #expect(try !lock.acquire(within: .milliseconds(1)))
        }
        #expect(try await !lock.acquire(within: .zero))
        #expect(try await !lock.acquire(within: .milliseconds(1)))
        #expect(lock.isLocked)
        lock.release()
        #expect(!lock.isLocked)
        #expect(try await onThread { try lock.acquire(within: .zero) })
    }

    @Test func `one strand takes it, another may release it`() async throws {
        let lock = Lock()
        try await onThread { try lock.acquire() }
        #expect(lock.isLocked)
        try await onThread { lock.release() }
        #expect(!lock.isLocked)
    }

    // TH-081
    @Test func `releasing a lock that is not held traps and names the strand`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread(named: "culprit") { Lock().release() }
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains(", which is not held, by strand culprit"))
    }

    @Test func `releasing a lock twice traps`() async {
        await #expect(processExitsWith: .failure) {
            let lock = Lock()
            #expect(lock.tryAcquire())
            lock.release()
            lock.release()
        }
    }

    @Test func `the body of withLock runs holding it, and its end releases it`() async throws {
        struct Failure: Error {}
        let lock = Lock()
        try await onThread {
            #expect(lock.withLock { lock.isLocked })
            #expect(throws: Failure.self) { try lock.withLock { throw Failure() } }
        }
        #expect(!lock.isLocked)
        #expect(try await lock.withLock { lock.isLocked })
        await #expect(throws: Failure.self) { try await lock.withLock { throw Failure() } }
        #expect(!lock.isLocked)
    }

    @Test func `withLock of a strand waits even when it is cancelled`() async throws {
        let lock = Lock()
        #expect(lock.tryAcquire())
        let waiting = WaiterKind.thread.start(
            {
                Strand.current.cancel()
                lock.withLock {}
                // The cancellation is still to come.
                #expect(throws: CancellationError.self) { try Event().wait() }
            }, task: {})
        try await waiting.untilParked()
        lock.release()
        try await waiting.value()
    }

    @Test func `a cancelled strand takes a free lock without waiting`() async throws {
        let lock = Lock()
        let held = Lock()
        #expect(held.tryAcquire())
        try await onThread {
            Strand.current.cancel()
            try lock.acquire()
            #expect(throws: CancellationError.self) { try held.acquire() }
            lock.release()
        }
        #expect(!lock.isLocked)
    }

    @Test(arguments: WaiterKind.allCases)
    func `a waiter older than a millisecond is handed the lock`(_ kind: WaiterKind) async throws {
        let lock = Lock()
        #expect(lock.tryAcquire())
        let waiting = kind.start({ try lock.acquire() }, task: { try await lock.acquire() })
        try await waiting.untilParked()
        let parked = monotonicNow()
        try await until { monotonicNow() - parked > 2_000_000 }
        lock.release()
        // It is the waiter's, whether that runs already or not.
        #expect(!lock.tryAcquire())
        try await waiting.value()
        #expect(lock.isLocked)
        lock.release()
    }

    @Test func `old waiters get the lock in the order in which they came`() async throws {
        let lock = Lock()
        let order = Box<[Int]>([])
        #expect(lock.tryAcquire())
        var waiters: [Started<Void>] = []
        for (number, kind) in (WaiterKind.allCases + WaiterKind.allCases).enumerated() {
            let waiter = kind.start(
                {
                    try lock.acquire()
                    order.update { $0.append(number) }
                },
                task: {
                    try await lock.acquire()
                    order.update { $0.append(number) }
                })
            try await waiter.untilParked()
            waiters.append(waiter)
        }
        let parked = monotonicNow()
        try await until { monotonicNow() - parked > 2_000_000 }
        for waiter in waiters {
            lock.release()
            try await waiter.value()
        }
        #expect(order.value == Array(0..<6))
    }

    @Test func `a waiter that gives up leaves the next one its turn`() async throws {
        let lock = Lock()
        #expect(lock.tryAcquire())
        let first = WaiterKind.thread.start({ try lock.acquire() }, task: {})
        try await first.untilParked()
        let second = WaiterKind.fiber.start({ try lock.acquire() }, task: {})
        try await second.untilParked()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value() }
        lock.release()
        try await second.value()
        lock.release()
        #expect(!lock.isLocked)
    }

    @Test(arguments: WaiterKind.pairs)
    func `a waiter that is cancelled just after it was woken passes the lock on`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let lock = Lock()
        for _ in 0..<40 {
            #expect(lock.tryAcquire())
            let first = cancelled.start({ try lock.acquire() }, task: { try await lock.acquire() })
            try await first.untilParked()
            let second = patient.start({ try lock.acquire() }, task: { try await lock.acquire() })
            try await second.untilParked()
            lock.release()
            first.cancel()
            do {
                try await first.value()
                lock.release()
            } catch is CancellationError {}
            // Nobody else would wake it.
            try await second.value()
            lock.release()
            #expect(!lock.isLocked)
        }
    }
}
