import PlaitParking
import PlaitPlatform
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct ConditionTests {
    // TH-020
    @Test func `its own lock can be taken again by its holder`() async throws {
        let condition = Condition()
        try await onThread {
            try condition.acquire()
            #expect(condition.tryAcquire())
            #expect(try condition.acquire(within: .zero))
            condition.withLock {}
            for _ in 0..<3 { condition.release() }
            #expect(condition.tryAcquire())
            condition.release()
        }
        try await condition.acquire()
        #expect(try await condition.acquire(within: .zero))
        try await condition.withLock {}
        condition.release()
        condition.release()
    }

    // TH-020, AS-129
    @Test func `acquire, release and withLock act on the lock that was given`() async throws {
        let (lock, recursive) = (Lock(), RLock())
        let (overLock, overRecursive) = (Condition(lock: lock), Condition(lock: recursive))
        try await onThread {
            try overLock.acquire()
            #expect(lock.isLocked && !overLock.tryAcquire())
            #expect(try !overLock.acquire(within: .zero))
            overLock.release()
            #expect(!lock.isLocked)
            #expect(overLock.withLock { lock.isLocked })
            try overRecursive.acquire()
            #expect(overRecursive.withLock { recursive.depth } == 2)
            overRecursive.release()
            #expect(!recursive.isLocked)
        }
        #expect(try await overLock.withLock { lock.isLocked })
        #expect(try await !lock.withLock { overLock.tryAcquire() })
        #expect(try await overRecursive.withLock { recursive.depth } == 1)
        #expect(!lock.isLocked && !recursive.isLocked)
    }

    // AS-128
    @Test func `the body of withLock runs holding it, and its end releases it`() async throws {
        struct Failure: Error {}
        let lock = RLock()
        let condition = Condition(lock: lock)
        try await onThread {
            #expect(condition.withLock { lock.isHeld })
            #expect(throws: Failure.self) { try condition.withLock { throw Failure() } }
        }
        #expect(!lock.isLocked)
        let isHeld = try await condition.withLock {
            await Task.yield()
            return lock.isHeld
        }
        #expect(isHeld)
        await #expect(throws: Failure.self) { try await condition.withLock { throw Failure() } }
        #expect(!lock.isLocked)
    }

    // TH-021
    @Test func `waiting without holding the lock traps, sync and async`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread(named: "culprit") { try Condition().wait() }
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains("wait of Condition(at PlaitSyncTests/"))
        #expect(said.contains("RLock(unlocked, at PlaitSyncTests/"))
        #expect(said.contains("which strand culprit does not hold"))
        await #expect(processExitsWith: .failure) { try await Condition().wait() }
        await #expect(processExitsWith: .failure) { try await Condition(lock: Lock()).wait() }
        await #expect(processExitsWith: .failure) {
            // Held, but not by who waits.
            let condition = Condition()
            try await onThread { try condition.acquire() }
            _ = try await condition.wait(within: .zero)
        }
    }

    // TH-022, AS-127
    @Test func `notifying without holding the lock traps`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread(named: "culprit") { Condition(lock: Lock()).notify() }
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains("notify of Condition(at PlaitSyncTests/"))
        #expect(said.contains("Lock(unlocked, at PlaitSyncTests/"))
        #expect(said.contains("which nobody holds, by strand culprit"))
        await #expect(processExitsWith: .failure) { Condition().notify() }
        await #expect(processExitsWith: .failure) { Condition().notifyAll() }
        await #expect(processExitsWith: .failure) {
            let condition = Condition()
            try await onThread { try condition.acquire() }
            condition.notifyAll()
        }
    }

    @Test func `notifying a negative number traps, notifying none does nothing`() async throws {
        await #expect(processExitsWith: .failure) {
            let condition = Condition()
            try await condition.withLock { condition.notify(-1) }
        }
        let condition = Condition()
        try await condition.withLock { () async throws in
            condition.notify(0)
            condition.notify()
            condition.notify(3)
            condition.notifyAll()
        }
    }

    @Test func `a notification that nobody waits for is not kept`() async throws {
        let condition = Condition()
        try await condition.withLock { condition.notify() }
        try await condition.withLock { () async throws in
            #expect(try await !condition.wait(within: .milliseconds(1)))
        }
    }

    // TH-023
    @Test func `a wait that nobody notifies ends no sooner than its limit`() async throws {
        let lock = RLock()
        let condition = Condition(lock: lock)
        let limit = Duration.milliseconds(5)
        try await onThread {
            try condition.acquire()
            let start = ContinuousClock.now
            #expect(try !condition.wait(within: limit))
            #expect(start.duration(to: .now) >= limit)
            #expect(lock.depth == 1)
            #expect(try !condition.wait(within: .zero))
            #expect(try !condition.wait(within: .seconds(-1)))
            #expect(lock.depth == 1)
            condition.release()
        }
        try await condition.withLock { () async throws in
            let start = ContinuousClock.now
            #expect(try await !condition.wait(within: limit))
            #expect(start.duration(to: .now) >= limit)
            #expect(try await !condition.wait(within: .zero))
            #expect(lock.depth == 1)
        }
        #expect(!lock.isLocked)
    }

    @Test func `a predicate that holds already is not waited for`() async throws {
        let condition = Condition()
        try await condition.withLock { () async throws in
            try await condition.wait(for: { true })
            #expect(try await condition.wait(for: { true }, within: .zero))
        }
        try await onThread {
            try condition.withLock { () throws in
                try condition.wait(for: { true })
                #expect(try condition.wait(for: { true }, within: .zero))
            }
        }
    }

    // TH-024
    @Test func `a predicate is tested once more when the limit has passed`() async throws {
        let condition = Condition()
        let tests = Box(0)
        try await condition.withLock { () async throws in
            let isTrue = try await condition.wait(
                for: {
                    tests.update {
                        $0 += 1; return $0
                    } == 2
                }, within: .milliseconds(1))
            #expect(isTrue)
            #expect(try await !condition.wait(for: { false }, within: .milliseconds(1)))
        }
        tests.set(0)
        try await onThread {
            try condition.withLock { () throws in
                let isTrue = try condition.wait(
                    for: {
                        tests.update {
                            $0 += 1; return $0
                        } == 2
                    }, within: .milliseconds(1))
                #expect(isTrue)
                #expect(try !condition.wait(for: { false }, within: .milliseconds(1)))
            }
        }
        #expect(tests.value == 2)
    }

    @Test func `what a predicate throws comes out, and the lock is held`() async throws {
        struct Failure: Error {}
        let lock = RLock()
        let condition = Condition(lock: lock)
        try await condition.withLock { () async throws in
            await #expect(throws: Failure.self) {
                try await condition.wait(for: { throw Failure() })
            }
            await #expect(throws: Failure.self) {
                _ = try await condition.wait(for: { throw Failure() }, within: nil)
            }
            #expect(lock.depth == 1)
        }
        try await onThread {
            lock.withLock {
                #expect(throws: Failure.self) { try condition.wait(for: { throw Failure() }) }
                #expect(lock.depth == 1)
            }
        }
    }

    @Test func `one who was cancelled beforehand keeps the lock`() async throws {
        let lock = RLock()
        let condition = Condition(lock: lock)
        try await onThread {
            try condition.acquire()
            Strand.current.cancel()
            #expect(throws: CancellationError.self) { try condition.wait() }
            #expect(lock.depth == 1)
            // It was told.
            #expect(try !condition.wait(within: .zero))
            condition.release()
        }
        let waiting = WaiterKind.task.start({}) {
            try await condition.acquire()
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            await #expect(throws: CancellationError.self) { try await condition.wait() }
            #expect(lock.depth == 1)
            condition.release()
        }
        try await waiting.value()
        #expect(!lock.isLocked)
    }

    @Test func `two conditions share a lock, and their waiters are apart`() async throws {
        let lock = Lock()
        let (filled, emptied) = (Condition(lock: lock), Condition(lock: lock))
        func waiting(_ condition: Condition) async throws -> Started<Void> {
            let started = WaiterKind.fiber.start(
                {
                    try condition.acquire()
                    try condition.wait()
                    condition.release()
                }, task: {})
            try await started.untilParked()
            return started
        }
        let first = try await waiting(filled)
        let second = try await waiting(emptied)
        try await emptied.withLock { emptied.notifyAll() }
        try await second.value()
        try await filled.withLock { filled.notify() }
        try await first.value()
        #expect(!lock.isLocked)
    }

    @Test func `it says which one it is and how its lock is`() async throws {
        let lock = Lock()
        let condition = Condition(lock: lock, name: "changed")
        #expect("\(condition)" == "Condition(changed, \(lock))")
        try await condition.withLock { () async throws in
            #expect("\(condition)".contains("Lock(locked, "))
        }
    }
}
