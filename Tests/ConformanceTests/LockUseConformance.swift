import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

/// What the originals' tests do with locks, beyond one lock and one waiter.
@Suite(.timeLimit(.hang))
struct LockUseConformance {
    /// A barrier made of nothing but locks, each released by another strand than took it.
    private final class HandMade: @unchecked Sendable {
        // Sendable: `checkIn` and `checkOut`, of which one is open at a time, guard `waiting`.
        let count: Int
        var waiting = 0
        let (checkIn, checkOut) = (Lock(onDeadlock: .off), Lock(onDeadlock: .off))

        init(_ count: Int) {
            self.count = count
            _ = checkOut.tryAcquire()
        }

        /// Whether the caller, who has `checkIn`, has passed it.
        private func arrive() -> Bool {
            waiting += 1
            if waiting < count {
                checkIn.release()
                return false
            }
            waiting = count - 1
            checkOut.release()
            return true
        }

        private func leave() {
            waiting -= 1
            (waiting == 0 ? checkIn : checkOut).release()
        }

        @available(*, noasync)
        func pass() throws {
            try checkIn.acquire()
            if arrive() { return }
            try checkOut.acquire()
            leave()
        }

        func pass() async throws {
            try await checkIn.acquire()
            if arrive() { return }
            try await checkOut.acquire()
            leave()
        }
    }

    // TH-052
    @Test(arguments: WaiterKind.allCases)
    func `a barrier made of locks keeps ten strands in step`(_ kind: WaiterKind) async throws {
        let (strands, passes) = (10, 5)
        let barrier = HandMade(strands)
        let arrived = Box(Array(repeating: 0, count: passes))
        let started = (0..<strands).map { _ in
            kind.start(
                {
                    for pass in 0..<passes {
                        arrived.update { $0[pass] += 1 }
                        try barrier.pass()
                        #expect(arrived.value[pass] == strands)
                    }
                },
                task: {
                    for pass in 0..<passes {
                        arrived.update { $0[pass] += 1 }
                        try await barrier.pass()
                        #expect(arrived.value[pass] == strands)
                    }
                })
        }
        for strand in started { try await strand.value() }
        #expect(!barrier.checkIn.isLocked && barrier.checkOut.isLocked)
    }

    // AS-112, AS-113, AS-116
    @Test(arguments: WaiterKind.allCases)
    func `a release lets one waiter in, the oldest that has not been cancelled`(
        _ kind: WaiterKind
    ) async throws {
        let lock = Lock()
        let order = Box<[Int]>([])
        #expect(lock.tryAcquire())
        var waiters: [Started<Void>] = []
        for number in 0..<4 {
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
        let second = waiters.remove(at: 1)
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value() }
        // Old enough that nobody passes them.
        let parked = monotonicNow()
        try await until { monotonicNow() - parked > 2_000_000 }
        for (count, waiter) in waiters.enumerated() {
            #expect(order.value.count == count)
            lock.release()
            try await waiter.value()
            #expect(order.value.count == count + 1)
            #expect(lock.isLocked)
        }
        #expect(order.value == [0, 2, 3])
        lock.release()
        #expect(!lock.isLocked)
    }

    // AS-114
    @Test(arguments: WaiterKind.pairs)
    func `a first waiter that is being cancelled does not keep the second from waking`(
        _ first: WaiterKind, _ second: WaiterKind
    ) async throws {
        let lock = Lock()
        #expect(lock.tryAcquire())
        let cancelled = first.start({ try lock.acquire() }, task: { try await lock.acquire() })
        try await cancelled.untilParked()
        let waiting = second.start({ try lock.acquire() }, task: { try await lock.acquire() })
        try await waiting.untilParked()
        cancelled.cancel()
        // It may not have run since.
        lock.release()
        do {
            try await cancelled.value()
            // A fiber hears of its cancellation from its hub: the lock was quicker.
            lock.release()
        } catch is CancellationError {}
        try await waiting.value()
        lock.release()
        #expect(!lock.isLocked)
    }

    // AS-115, EV-120, GV-269
    @Test func `releasing a free lock is the same error for every kind of strand`() async throws {
        let thread = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await WaiterKind.thread.start({ Lock().release() }, task: {}).value()
        }
        let fiber = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await WaiterKind.fiber.start({ Lock().release() }, task: {}).value()
        }
        let task = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await WaiterKind.task.start({}, task: { Lock().release() }).value()
        }
        for result in [thread, fiber, task] {
            let said = text(try #require(result).standardErrorContent)
            #expect(said.contains("release of Lock at ConformanceTests/LockUseConformance.swift:"))
            #expect(said.contains("which is not held, by"))
        }
    }

    // GV-257
    @Test(arguments: WaiterKind.allCases)
    func `one that tries again and again, letting others run, does not keep the holder from ending`(
        _ kind: WaiterKind
    ) async throws {
        let lock = Lock()
        // Both on one hub, if they are not threads.
        let hub = SharedHubs.first
        let (hasIt, mayRelease) = (Event(), Event())
        let tries = Box(0)
        func start(
            _ blocking: @escaping @Sendable () throws -> Void,
            _ suspending: @escaping @Sendable () async throws -> Void
        ) -> @Sendable () async throws -> Void {
            switch kind {
            case .task:
                let task = Task(executorPreference: hub.executor) { try await suspending() }
                return { try await task.value }
            case .fiber:
                let fiber = spawn(.fiber, on: hub, blocking)
                return { try await fiber.join() }
            case .thread:
                let thread = spawn(.thread, blocking)
                return { try await thread.join() }
            }
        }
        let holding = start {
            try lock.acquire()
            hasIt.set()
            try mayRelease.wait()
            lock.release()
        } _: {
            try await lock.acquire()
            hasIt.set()
            try await mayRelease.wait()
            lock.release()
        }
        try await hasIt.wait()
        let spinning = start {
            while !lock.tryAcquire() {
                if tries.update({
                    $0 += 1; return $0
                }) == 10 {
                    mayRelease.set()
                }
                Strand.yield()
            }
        } _: {
            while !lock.tryAcquire() {
                if tries.update({
                    $0 += 1; return $0
                }) == 10 {
                    mayRelease.set()
                }
                await Task.yield()
            }
        }
        try await holding()
        try await spinning()
        #expect(tries.value >= 10)
        #expect(lock.isLocked)
        lock.release()
    }

    // AS-321
    @Test func `what is taken has a scoped form, in strands and tasks`() async throws {
        let (lock, recursive, condition) = (Lock(), RLock(), Condition())
        let semaphore = CountingSemaphore(permits: 1)
        #expect(try await semaphore.withPermit { semaphore.permits } == 0)
        #expect(semaphore.permits == 1)
        try await onThread {
            #expect(semaphore.withPermit { semaphore.permits } == 0)
            lock.withLock { recursive.withLock { condition.withLock { condition.notify() } } }
        }
        try await lock.withLock {
            try await recursive.withLock { try await condition.withLock { condition.notify() } }
        }
        #expect(!lock.isLocked && !recursive.isLocked && condition.tryAcquire())
        condition.release()
    }
}
