import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct RLockConformance {
    // TH-011
    @Test(arguments: WaiterKind.pairs)
    func `another gets it after as many releases as its holder took it, no sooner`(
        _ holder: WaiterKind, _ other: WaiterKind
    ) async throws {
        let lock = RLock()
        let (mayRelease, released) = (CountingSemaphore(permits: 0), CountingSemaphore(permits: 0))
        let holding = holder.start(
            {
                for _ in 0..<3 { try lock.acquire() }
                for _ in 0..<3 {
                    try mayRelease.acquire()
                    lock.release()
                    released.release()
                }
            },
            task: {
                for _ in 0..<3 { try await lock.acquire() }
                for _ in 0..<3 {
                    try await mayRelease.acquire()
                    lock.release()
                    released.release()
                }
            })
        try await holding.untilParked()
        for _ in 0..<3 {
            let trying = other.start({ lock.tryAcquire() }, task: { lock.tryAcquire() })
            #expect(try await !trying.value())
            let timed = other.start({ try lock.acquire(within: .zero) }) {
                try await lock.acquire(within: .zero)
            }
            #expect(try await !timed.value())
            mayRelease.release()
            try await released.acquire()
        }
        try await holding.value()
        let trying = other.start({ lock.tryAcquire() }, task: { lock.tryAcquire() })
        #expect(try await trying.value())
    }

    @Test(arguments: WaiterKind.pairs)
    func `a waiter goes on with the last release, at depth one`(
        _ holder: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let lock = RLock()
        let mayRelease = Event()
        let holding = holder.start(
            {
                try lock.acquire()
                try lock.acquire()
                try mayRelease.wait()
                lock.release()
                lock.release()
            },
            task: {
                try await lock.acquire()
                try await lock.acquire()
                try await mayRelease.wait()
                lock.release()
                lock.release()
            })
        try await holding.untilParked()
        let waiting = waiter.start(
            {
                try lock.acquire()
                defer { lock.release() }
                return lock.depth
            },
            task: {
                try await lock.acquire()
                defer { lock.release() }
                return lock.depth
            })
        try await waiting.untilParked()
        mayRelease.set()
        try await holding.value()
        #expect(try await waiting.value() == 1)
        #expect(!lock.isLocked)
    }

    @Test(arguments: WaiterKind.allCases)
    func `a timed wait has a free lock, and gives up on a held one`(
        _ kind: WaiterKind
    ) async throws {
        let lock = RLock()
        func acquire(_ limit: Duration) async throws -> Bool {
            try await kind.start(
                { try lock.acquire(within: limit) },
                task: { try await lock.acquire(within: limit) }
            ).value()
        }
        #expect(try await lock.acquire(within: .zero))
        #expect(try await !acquire(.milliseconds(1)))
        #expect(try await !acquire(.zero))
        #expect(try await !acquire(.seconds(-1)))
        #expect(lock.depth == 1)
        lock.release()
        #expect(try await acquire(.seconds(Int64.max)))
        #expect(lock.isLocked && !lock.isHeld)
    }

    @Test(arguments: WaiterKind.allCases)
    func `a cancelled waiter does not hold it, nor keep others from it`(
        _ kind: WaiterKind
    ) async throws {
        let lock = RLock()
        try await lock.acquire()
        let waiting = kind.start({ try lock.acquire() }, task: { try await lock.acquire() })
        try await waiting.untilParked()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value() }
        #expect(lock.depth == 1)
        lock.release()
        #expect(!lock.isLocked)
        #expect(lock.tryAcquire())
        lock.release()
    }

    @Test(arguments: WaiterKind.allCases)
    func `one that is cancelled takes its own lock again without waiting`(
        _ kind: WaiterKind
    ) async throws {
        let lock = RLock()
        let hasIt = Event()
        let mayGoOn = Event()
        let holding = kind.start(
            {
                try lock.acquire()
                hasIt.set()
                #expect(throws: CancellationError.self) { try mayGoOn.wait() }
                Strand.current.cancel()
                try lock.acquire()
                lock.release()
                lock.release()
            },
            task: {
                try await lock.acquire()
                hasIt.set()
                await #expect(throws: CancellationError.self) { try await mayGoOn.wait() }
                #expect(Task.isCancelled)
                try await lock.acquire()
                lock.release()
                lock.release()
            })
        try await hasIt.wait()
        holding.cancel()
        try await holding.value()
        #expect(!lock.isLocked)
    }

    @Test func `two fibers of one thread are two holders`() async throws {
        let lock = RLock()
        try await onThread {
            let holding = spawn(.fiber) {
                try lock.acquire()
                let other = spawn(.fiber) { lock.isHeld || lock.tryAcquire() }
                #expect(try !other.join())
                #expect(lock.depth == 1)
                lock.release()
            }
            try holding.join()
            // Nor is the thread its fibers.
            let isOthers = try lock.withLock { () throws in
                try spawn(.fiber) { lock.isHeld || lock.tryAcquire() }.join()
            }
            #expect(!isOthers)
        }
        #expect(!lock.isLocked)
    }

    @Test func `a task that goes on in another thread has it still`() async throws {
        let lock = RLock()
        try await lock.withLock {
            for hub in [SharedHubs.first, SharedHubs.second] {
                let depth = try await withTaskExecutorPreference(hub.executor) {
                    try await lock.withLock { lock.depth }
                }
                #expect(depth == 2)
                // The thread that it ran on has not.
                #expect(await !hub.answer { lock.isHeld })
            }
        }
        #expect(!lock.isLocked)
    }
}
