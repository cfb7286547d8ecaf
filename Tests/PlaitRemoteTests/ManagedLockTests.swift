import PlaitParking
import PlaitPlatform
import PlaitProcesses
@testable import PlaitRemote
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// Waits until a strand sleeps in a call of a manager: what it asked for has been sent.
private func untilAsleep(_ strand: Strand) {
    while strand.currentWait == nil && strand.isAlive { Strand.yield() }
}

@Suite(.timeLimit(.hang))
struct ManagedLockTests {
    // MP-130
    @Test func `a lock excludes strands of several processes`() async throws {
        try await withTestManager { manager in
            let (lock, value) = (try manager.lock(), try manager.value(0))
            let input = UseLock.Input(lock: lock, value: value, times: 100)
            let workers = try (0..<3).map { _ in try spawn(.process, UseLock.self, input) }
            _ = try UseLock.run(input)
            for worker in workers { try worker.join() }
            #expect(try value.get() == 400)
        }
    }

    // MP-130
    @Test func `a lock is given back once, by its holder`() async throws {
        try await withTestManager { manager in
            let lock = try manager.lock()
            #expect(try lock.acquire() == .acquired)
            #expect(try lock.tryAcquire() == nil)
            #expect(try lock.acquire(within: .milliseconds(2)) == nil)
            try spawn(.thread) {
                _ = #expect(throws: ManagerError.notHeld) { try lock.release() }
            }.join()
            try lock.release()
            #expect(throws: ManagerError.notHeld) { try lock.release() }
            #expect(try lock.acquire(within: .zero) == .acquired)
            try lock.release()
        }
    }

    // MP-131
    @Test func `a recursive lock is given back as often as it was taken`() async throws {
        try await withTestManager { manager in
            let lock = try manager.recursiveLock()
            #expect(try lock.acquire() == .acquired)
            #expect(try lock.acquire() == .acquired)
            let tries = {
                try spawn(.thread) { () -> Bool in
                    guard try lock.tryAcquire() != nil else { return false }
                    try lock.release()
                    return true
                }.join()
            }
            #expect(try !tries())
            try lock.release()
            #expect(try !tries())
            try lock.release()
            #expect(try tries())
            #expect(throws: ManagerError.notHeld) { try lock.release() }
        }
    }

    @Test func `the lock of a process that is killed goes to the next, who is told`() async throws {
        try await withTestManager { manager in
            let (lock, isHeld) = (try manager.lock(), try manager.event())
            let holder = try spawn(
                .process, HoldLock.self, HoldLock.Input(lock: lock, isHeld: isHeld))
            try isHeld.wait()
            #expect(try lock.tryAcquire() == nil)
            let next = spawn(.thread) {
                defer { try? lock.release() }
                return try lock.acquire()
            }
            untilAsleep(next.strand)
            holder.kill()
            #expect(try next.join() == .ownerDied)
            // The one after that is not concerned.
            #expect(try lock.acquire() == .acquired)
            #expect(throws: WorkerCrashed.self) { try holder.join() }
        }
    }

    @Test func `one who waits and is killed leaves its place`() async throws {
        try await withTestManager { manager in
            let (lock, queue): (ManagedLock, ManagedQueue<Int>) = (
                try manager.lock(), try manager.queue(capacity: 1)
            )
            try lock.acquire()
            let waiters = [
                try spawn(.process, WaitInVain.self, WaitInVain.Input(lock: lock)),
                try spawn(.process, WaitInVain.self, WaitInVain.Input(queue: queue)),
            ]
            while try manager.statistics().waiting < 2 { Strand.yield() }
            for waiter in waiters { waiter.kill() }
            while try manager.statistics().connections > 1 { Strand.yield() }
            #expect(try manager.statistics().waiting == 0)
            try queue.put(7)
            #expect(try queue.get() == 7)
            try lock.release()
            #expect(try lock.acquire() == .acquired)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `one who waits and is cancelled leaves its place`(_ kind: StrandKind) async throws {
        try await withTestManager { manager in
            let lock = try manager.lock()
            try lock.acquire()
            let strand = Box<Strand?>(nil)
            let waiter = spawn(.thread) {
                try spawn(kind: kind) {
                    strand.set(Strand.current)
                    try lock.acquire()
                }.join()
            }
            while try manager.statistics().waiting < 1 { Strand.yield() }
            strand.value?.cancel()
            #expect(throws: CancellationError.self) { try waiter.join() }
            #expect(try manager.statistics().waiting == 0)
            try lock.release()
            #expect(try lock.tryAcquire() == .acquired)
        }
    }

    @Test func `a task that waits and is cancelled leaves its place`() async throws {
        let manager = try await Manager.start()
        let lock = try await manager.lock()
        try await onThread { try lock.acquire() }
        let task = Task { try await lock.acquire() }
        try await until { (try? await onThread { try manager.statistics().waiting }) == 1 }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await onThread { try manager.statistics().waiting } == 0)
        try await manager.shutDown()
    }

    // MP-132
    @Test func `a bounded semaphore takes back no more than it gave`() async throws {
        try await withTestManager { manager in
            let bounded = try manager.semaphore(permits: 2, isBounded: true)
            #expect(throws: ManagerError.tooManyReleases(bound: 2)) { try bounded.release() }
            try bounded.acquire()
            #expect(try bounded.acquire(within: .zero))
            #expect(try !bounded.tryAcquire())
            #expect(try !bounded.acquire(within: .milliseconds(2)))
            #expect(throws: ManagerError.tooManyReleases(bound: 2)) { try bounded.release(3) }
            try bounded.release(2)
            #expect(try bounded.permits() == 2)
            #expect(throws: ManagerError.tooManyReleases(bound: 2)) { try bounded.release() }
            let other = try manager.semaphore(permits: 0)
            let waiter = spawn(.thread) { try other.acquire() }
            untilAsleep(waiter.strand)
            try other.release()
            try waiter.join()
            #expect(throws: ManagerError.self) { try manager.semaphore(permits: -1) }
        }
    }

    @Test func `an event lets all go on who wait`() async throws {
        try await withTestManager { manager in
            let event = try manager.event()
            #expect(try !event.isSet())
            #expect(try !event.wait(within: .milliseconds(2)))
            let waiters = (0..<3).map { _ in spawn(.thread) { try event.wait() } }
            for waiter in waiters { untilAsleep(waiter.strand) }
            try event.set()
            for waiter in waiters { #expect(try waiter.join()) }
            #expect(try event.wait(within: .zero))
            try event.clear()
            #expect(try !event.wait(within: .zero))
        }
    }

    // MP-133
    @Test func `a condition wakes who waits in another process`() async throws {
        try await withTestManager { manager in
            let (condition, value) = (try manager.condition(), try manager.value(0))
            let input = Await10.Input(condition: condition, value: value)
            let waiters = try (0..<2).map { _ in try spawn(.process, Await10.self, input) }
            while try condition.waiting() < 2 { Strand.yield() }
            try condition.withLock {
                try value.set(5)
                try condition.notifyAll()
            }
            while try condition.waiting() < 2 { Strand.yield() }
            try condition.withLock {
                try value.set(10)
                try condition.notify(2)
            }
            for waiter in waiters { #expect(try waiter.join() == 10) }
        }
    }

    // MP-133
    @Test func `a condition is used by who holds its lock`() async throws {
        try await withTestManager { manager in
            let condition = try manager.condition()
            #expect(throws: ManagerError.notHeld) { try condition.wait() }
            #expect(throws: ManagerError.notHeld) { try condition.notify() }
            #expect(throws: ManagerError.notHeld) { try condition.release() }
            try condition.acquire()
            try condition.acquire()
            #expect(try !condition.wait(within: .milliseconds(2)))
            // Held as often as before.
            try condition.release()
            let other = spawn(.thread) { try condition.acquire(within: .milliseconds(2)) }
            #expect(try !other.join())
            try condition.release()
            #expect(throws: ManagerError.notHeld) { try condition.release() }
        }
    }

    @Test func `who is cancelled at a condition holds its lock`() async throws {
        try await withTestManager { manager in
            let condition = try manager.condition()
            let waiter = spawn(.thread) {
                try condition.acquire()
                #expect(throws: CancellationError.self) { try condition.wait() }
                try condition.release()
            }
            while try condition.waiting() < 1 { Strand.yield() }
            waiter.cancel()
            try waiter.join()
            #expect(try condition.waiting() == 0)
        }
    }

    // MP-134
    @Test func `a barrier lets parties of several processes pass together`() async throws {
        try await withTestManager { manager in
            let barrier = try manager.barrier(parties: 3)
            #expect(try barrier.parties() == 3)
            let others = try (0..<2).map { _ in try spawn(.process, Meet.self, barrier) }
            while try barrier.waiting() < 2 { Strand.yield() }
            let numbers = [try barrier.wait()] + (try others.map { try $0.join() })
            #expect(numbers.sorted() == [0, 1, 2])
            #expect(throws: BarrierError.broken) { try barrier.wait(within: .milliseconds(2)) }
            #expect(try barrier.isBroken())
            try barrier.reset()
            let waiter = spawn(.thread) { try barrier.wait() }
            while try barrier.waiting() < 1 { Strand.yield() }
            try barrier.abort()
            #expect(throws: BarrierError.broken) { try waiter.join() }
        }
    }

    // MP-135
    @Test func `a queue is bounded, and full and empty`() async throws {
        try await withTestManager { manager in
            let queue: ManagedQueue<Int> = try manager.queue(capacity: 2)
            try queue.put(1)
            #expect(try queue.tryPut(2))
            #expect(try !queue.tryPut(3))
            #expect(try queue.isFull())
            #expect(try !queue.put(3, within: .zero))
            #expect(try !queue.put(3, within: .milliseconds(2)))
            #expect(try queue.count() == 2)
            #expect(try queue.get() == 1)
            #expect(try queue.tryGet() == 2)
            #expect(try queue.tryGet() == nil)
            #expect(throws: TimedOut.self) { try queue.get(within: .zero) }
            #expect(throws: TimedOut.self) { try queue.get(within: .milliseconds(2)) }
            let getter = spawn(.thread) { try queue.get() }
            untilAsleep(getter.strand)
            try queue.put(4)
            #expect(try getter.join() == 4)
            #expect(throws: ManagerError.self) {
                let _: ManagedQueue<Int> = try manager.queue(capacity: 0)
            }
        }
    }

    // MP-136
    @Test func `a queue is joined once workers have done its items`() async throws {
        try await withTestManager { manager in
            let tasks: ManagedQueue<Int> = try manager.queue(capacity: 100)
            let results: ManagedQueue<Int> = try manager.queue(capacity: 100)
            for number in 0..<50 { try tasks.put(number) }
            #expect(try !tasks.join(within: .milliseconds(2)))
            let input = Work.Input(tasks: tasks, results: results)
            let workers = try (0..<2).map { _ in try spawn(.process, Work.self, input) }
            #expect(try tasks.join())
            var found: [Int] = []
            while let result = try results.tryGet() { found.append(result) }
            #expect(found.sorted() == (0..<50).map { $0 * 2 })
            #expect(throws: ManagerError.tooManyDone) { try tasks.taskDone() }
            try tasks.shutDown()
            for worker in workers { try worker.join() }
            #expect(throws: QueueError.shutDown) { try tasks.put(1) }
        }
    }
}
