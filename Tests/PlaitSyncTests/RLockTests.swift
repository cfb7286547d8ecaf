import PlaitParking
import PlaitPlatform
@testable import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct RLockTests {
    // TH-011
    @Test func `the holder may take it again, and releases it as often`() async throws {
        let lock = RLock()
        try await onThread {
            try lock.acquire()
            #expect(lock.tryAcquire())
            #expect(try lock.acquire(within: .zero))
            #expect(try lock.acquire(within: nil))
            #expect(lock.withLock { lock.depth } == 5)
            for depth in (1...4).reversed() {
                #expect(lock.depth == depth)
                #expect(lock.isLocked)
                lock.release()
            }
            #expect(!lock.isLocked)
            #expect(lock.depth == 0)
        }
    }

    // TH-011
    @Test func `a task may take it again, and releases it as often`() async throws {
        let lock = RLock()
        try await lock.acquire()
        #expect(lock.tryAcquire())
        #expect(try await lock.acquire(within: .zero))
        #expect(try await lock.acquire(within: nil))
        let depth = try await lock.withLock {
            await Task.yield()
            return lock.depth
        }
        #expect(depth == 5)
        for depth in (1...4).reversed() {
            #expect(lock.depth == depth)
            lock.release()
        }
        #expect(!lock.isLocked)
    }

    // TH-015
    @Test func `only the holder has it, at any depth`() async throws {
        let lock = RLock()
        @Sendable func lookElsewhere() async throws {
            for kind in WaiterKind.allCases {
                let looking = kind.start({ (lock.isHeld, lock.depth) }) {
                    (lock.isHeld, lock.depth)
                }
                #expect(try await looking.value() == (false, 0))
            }
            // A child task is another one than its parent.
            async let child = lock.isHeld
            #expect(await !child)
        }
        try await lookElsewhere()
        for depth in 1...3 {
            try await lock.acquire()
            #expect(lock.isHeld)
            #expect(lock.depth == depth)
            try await lookElsewhere()
        }
        for _ in 0..<3 { lock.release() }
        #expect(!lock.isHeld)
        try await lookElsewhere()
    }

    @Test func `synchronous code of a task has its lock`() async throws {
        let lock = RLock()
        func nested() -> Int { lock.withLock { lock.depth } }
        let depth = try await lock.withLock { nested() }
        #expect(depth == 2)
        #expect(!lock.isLocked)
    }

    // TH-012
    @Test func `releasing one that nobody ever took traps and names it and the strand`()
        async throws
    {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread(named: "culprit") { RLock().release() }
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains("release of RLock(unlocked, at PlaitSyncTests/"))
        #expect(said.contains("which nobody holds, by strand culprit"))
    }

    // TH-012
    @Test func `releasing it more often than it was taken traps`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            let lock = RLock()
            try await lock.acquire()
            try await lock.acquire()
            lock.release()
            lock.release()
            print("twice")
            lock.release()
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains("which nobody holds, by task "))
    }

    // TH-014
    @Test func `releasing what another holds traps, whichever kinds they are`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            let lock = RLock()
            try await lock.acquire()
            try await onThread(named: "culprit") { lock.release() }
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains("release of RLock(locked, at PlaitSyncTests/"))
        #expect(said.contains("which another holds, by strand culprit"))
        await #expect(processExitsWith: .failure) {
            let lock = RLock()
            try await onThread { try lock.acquire() }
            lock.release()
        }
        await #expect(processExitsWith: .failure) {
            let lock = RLock()
            let holding = WaiterKind.fiber.start({ try lock.acquire() }, task: {})
            try await holding.value()
            try await WaiterKind.fiber.start({ lock.release() }, task: {}).value()
        }
    }

    // TH-013
    @Test func `releasing it fully without holding it traps`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            _ = RLock().releaseFully()
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains("which does not hold it"))
    }

    @Test func `a full release gives back every depth, and taking it again restores it`()
        async throws
    {
        let lock = RLock()
        try await onThread {
            for _ in 0..<3 { try lock.acquire() }
            let held = lock.releaseFully()
            #expect(held == 3)
            #expect(!lock.isLocked && !lock.isHeld)
            lock.reacquire(held)
            #expect(lock.isHeld && lock.depth == 3)
            for _ in 0..<3 { lock.release() }
        }
        #expect(!lock.isLocked)
    }

    @Test func `a cancelled task takes it again all the same`() async throws {
        let lock = RLock()
        try await onThread { try lock.acquire() }
        let waiting = WaiterKind.task.start({ 0 }) {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            await lock.reacquire(2)
            #expect(Task.isCancelled)
            return lock.depth
        }
        try await waiting.untilParked()
        // The thread that held it is gone: in its place.
        lock.lock.release()
        #expect(try await waiting.value() == 2)
    }

    @Test func `the body of withLock runs holding it, and its end releases it`() async throws {
        struct Failure: Error {}
        let lock = RLock()
        try await onThread {
            #expect(lock.withLock { lock.withLock { lock.depth } } == 2)
            #expect(throws: Failure.self) { try lock.withLock { throw Failure() } }
            #expect(!lock.isLocked)
        }
        #expect(try await lock.withLock { lock.isHeld })
        await #expect(throws: Failure.self) { try await lock.withLock { throw Failure() } }
        #expect(!lock.isLocked)
    }

    @Test func `withLock of a strand waits even when it is cancelled`() async throws {
        let lock = RLock()
        #expect(lock.tryAcquire())
        let waiting = WaiterKind.thread.start(
            {
                Strand.current.cancel()
                #expect(lock.withLock { lock.depth } == 1)
                // The cancellation is still to come.
                #expect(throws: CancellationError.self) { try Event().wait() }
            }, task: {})
        try await waiting.untilParked()
        lock.release()
        try await waiting.value()
    }

    @Test func `a lock that was handed over is nobody's until the waiter runs`() async throws {
        let lock = RLock()
        try await lock.acquire()
        let waiting = WaiterKind.thread.start(
            {
                try lock.acquire()
                #expect(lock.depth == 1)
                lock.release()
            }, task: {})
        try await waiting.untilParked()
        let parked = monotonicNow()
        try await until { monotonicNow() - parked > 2_000_000 }
        lock.release()
        #expect(!lock.isHeld)
        #expect(lock.depth == 0)
        try await waiting.value()
        #expect(!lock.isLocked)
    }

    @Test func `it says whether it is locked, how deep, and which one it is`() async throws {
        let lock = RLock(name: "mine")
        #expect("\(lock)" == "RLock(unlocked, mine)")
        try await lock.acquire()
        try await lock.acquire()
        #expect("\(lock)" == "RLock(locked, depth 2, mine)")
        #expect(try await onThread { "\(lock)" } == "RLock(locked, mine)")
        lock.release()
        lock.release()
        #expect("\(lock)" == "RLock(unlocked, mine)")
    }
}
