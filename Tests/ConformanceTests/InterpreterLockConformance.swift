import PlaitParking
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct InterpreterLockConformance {
    /// Starts one that holds the lock and only checks, until `isDone`; returns when it has it.
    private func startHog(
        _ kind: WaiterKind, _ lock: InterpreterLock, until isDone: Box<Bool>
    ) async throws -> Started<Void> {
        let holds = Event()
        let hog = kind.start(
            {
                try lock.acquire()
                holds.set()
                while !isDone.value {
                    lock.check()
                    // Others of its hub need the thread, though not the lock.
                    Strand.yield()
                }
                lock.release()
            },
            task: {
                try await lock.acquire()
                holds.set()
                while !isDone.value {
                    await lock.check()
                    await Task.yield()
                }
                lock.release()
            })
        try await holds.wait()
        return hog
    }

    @Test(arguments: WaiterKind.pairs)
    func `a holder that checks hands it over to one who has asked, and gets it back`(
        _ holder: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let lock = InterpreterLock(.interval(.milliseconds(1)))
        let isDone = Box(false)
        let hog = try await startHog(holder, lock, until: isDone)
        for _ in 0..<3 {
            let waiting = waiter.start(
                { lock.withLock { #expect(lock.isLocked) } },
                task: { try await lock.withLock { #expect(lock.isLocked) } })
            try await waiting.value()
        }
        isDone.set(true)
        try await hog.value()
        #expect(!lock.isLocked)
        let statistics = lock.statistics()
        #expect(statistics.failedRetakes <= statistics.forcedReleases)
        #expect((1...3).contains(statistics.forcedReleases))
    }

    /// With ticks nothing is promised before the holder ends; the offers are made all the same.
    @Test(arguments: WaiterKind.pairs)
    func `one that ticks offers it, and the other has it at the end at the latest`(
        _ holder: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let lock = InterpreterLock(.ticks(every: 2))
        let isDone = Box(false)
        let hog = try await startHog(holder, lock, until: isDone)
        let waiting = waiter.start({ lock.withLock {} }, task: { try await lock.withLock {} })
        try await until { lock.statistics().offers > 0 }
        isDone.set(true)
        try await waiting.value()
        try await hog.value()
        #expect(lock.statistics().requests == 0)
        #expect(!lock.isLocked)
    }

    @Test(arguments: WaiterKind.pairs)
    func `who blocks lets the other have it meanwhile`(
        _ blocker: WaiterKind, _ other: WaiterKind
    ) async throws {
        let lock = InterpreterLock()
        let (isOutside, mayReturn) = (Event(), Event())
        let blocked = blocker.start(
            {
                try lock.acquire()
                try lock.allowThreads {
                    isOutside.set()
                    try mayReturn.wait()
                }
                #expect(lock.isLocked)
                lock.release()
            },
            task: {
                try await lock.acquire()
                try await lock.allowThreads {
                    isOutside.set()
                    try await mayReturn.wait()
                }
                #expect(lock.isLocked)
                lock.release()
            })
        try await isOutside.wait()
        let owner = other.start(
            {
                try lock.acquire()
                mayReturn.set()
                while lock.waiterCount == 0 { Strand.yield() }
                lock.release()
            },
            task: {
                try await lock.acquire()
                mayReturn.set()
                while lock.waiterCount == 0 { await Task.yield() }
                lock.release()
            })
        try await owner.value()
        try await blocked.value()
        #expect(!lock.isLocked)
        #expect(lock.statistics().failedRetakes == 1)
    }

    @Test(arguments: WaiterKind.allCases)
    func `a timed wait has a free lock, and gives up on a held one`(
        _ kind: WaiterKind
    ) async throws {
        let lock = InterpreterLock(.interval(.microseconds(100)))
        func acquire(_ limit: Duration) async throws -> Bool {
            try await kind.start(
                {
                    guard try lock.acquire(within: limit) else { return false }
                    lock.release()
                    return true
                },
                task: {
                    guard try await lock.acquire(within: limit) else { return false }
                    lock.release()
                    return true
                }
            ).value()
        }
        #expect(try await acquire(.seconds(Int64.max)))
        #expect(try await acquire(.seconds(-1)))
        let (holds, mayRelease) = (Event(), Event())
        let holder = WaiterKind.thread.start(
            {
                try lock.acquire()
                holds.set()
                try mayRelease.wait()
                lock.check()
                lock.release()
            }, task: {})
        try await holds.wait()
        #expect(try await !acquire(.zero))
        #expect(try await !acquire(.milliseconds(2)))
        #expect(try await !acquire(.seconds(-1)))
        #expect(lock.waiterCount == 0)
        mayRelease.set()
        try await holder.value()
        // Requests of who has given up are not honoured.
        #expect(lock.statistics().forcedReleases == 0)
        #expect(try await acquire(.zero))
    }

    @Test(arguments: WaiterKind.allCases)
    func `a cancelled waiter does not hold it, nor keep others from it`(
        _ kind: WaiterKind
    ) async throws {
        let lock = InterpreterLock()
        let (holds, mayRelease) = (Event(), Event())
        let holder = WaiterKind.thread.start(
            {
                try lock.acquire()
                holds.set()
                try mayRelease.wait()
                lock.release()
            }, task: {})
        try await holds.wait()
        let waiting = kind.start({ try lock.acquire() }, task: { try await lock.acquire() })
        try await waiting.untilParked()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value() }
        #expect(lock.waiterCount == 0)
        mayRelease.set()
        try await holder.value()
        #expect(!lock.isLocked)
    }
}
