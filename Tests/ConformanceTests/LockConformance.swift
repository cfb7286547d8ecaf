import PlaitStrands
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct LockConformance {
    // TH-005
    @Test(arguments: WaiterKind.pairs)
    func `trying fails at once on a lock that another holds`(
        _ holder: WaiterKind, _ other: WaiterKind
    ) async throws {
        let lock = Lock()
        try await holder.start({ try lock.acquire() }, task: { try await lock.acquire() }).value()
        let trying = other.start({ lock.tryAcquire() }, task: { lock.tryAcquire() })
        #expect(try await !trying.value())
        lock.release()
        let again = other.start({ lock.tryAcquire() }, task: { lock.tryAcquire() })
        #expect(try await again.value())
    }

    @Test(arguments: WaiterKind.pairs)
    func `a waiter goes on when the holder releases`(
        _ holder: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let lock = Lock()
        let mayRelease = Event()
        let holding = holder.start(
            {
                try lock.acquire()
                try mayRelease.wait()
                lock.release()
            },
            task: {
                try await lock.acquire()
                try await mayRelease.wait()
                lock.release()
            })
        try await holding.untilParked()
        #expect(lock.isLocked)
        let waiting = waiter.start({ try lock.acquire() }, task: { try await lock.acquire() })
        try await waiting.untilParked()
        mayRelease.set()
        try await holding.value()
        try await waiting.value()
        #expect(lock.isLocked)
        lock.release()
        #expect(!lock.isLocked)
    }

    // TH-006
    @Test(arguments: WaiterKind.allCases)
    func `none of many waiters passes before the release, all pass after it`(
        _ kind: WaiterKind
    ) async throws {
        let lock = Lock()
        let passed = Box(0)
        #expect(lock.tryAcquire())
        let waiters = (0..<7).map { _ in
            kind.start(
                {
                    try lock.acquire()
                    passed.update { $0 += 1 }
                    lock.release()
                },
                task: {
                    try await lock.acquire()
                    passed.update { $0 += 1 }
                    lock.release()
                })
        }
        for waiter in waiters { try await waiter.untilParked() }
        #expect(passed.value == 0)
        lock.release()
        for waiter in waiters { try await waiter.value() }
        #expect(passed.value == 7)
        #expect(!lock.isLocked)
    }

    // TH-007
    @Test func `many short-lived threads leave a lock as it was`() async throws {
        let lock = Lock()
        let threads = (0..<50).map { _ in spawn(.thread) { lock.withLock {} } }
        for thread in threads { try await thread.join() }
        #expect(!lock.isLocked)
    }

    // TH-008
    @Test(arguments: WaiterKind.allCases)
    func `a timed wait has a free lock, and gives up on a held one`(
        _ kind: WaiterKind
    ) async throws {
        let lock = Lock()
        func acquire(_ limit: Duration) async throws -> Bool {
            try await kind.start(
                { try lock.acquire(within: limit) },
                task: { try await lock.acquire(within: limit) }
            ).value()
        }
        #expect(try await acquire(.seconds(Int64.max)))
        #expect(try await !acquire(.milliseconds(1)))
        #expect(try await !acquire(.zero))
        // A negative limit tries once, as zero does.
        #expect(try await !acquire(.seconds(-1)))
        lock.release()
        #expect(try await acquire(.seconds(-1)))
    }

    @Test(arguments: WaiterKind.allCases)
    func `a cancelled waiter does not hold it, nor keep others from it`(
        _ kind: WaiterKind
    ) async throws {
        let lock = Lock()
        #expect(lock.tryAcquire())
        let waiting = kind.start({ try lock.acquire() }, task: { try await lock.acquire() })
        try await waiting.untilParked()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value() }
        lock.release()
        #expect(!lock.isLocked)
        #expect(lock.tryAcquire())
    }
}
