import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import TestSupport
import Testing

/// Waits at a condition, and says whether it was notified.
enum WaitAtCondition: ProcessFunction {
    struct Plan: Codable, Sendable {
        let condition: ProcessCondition
        let limit: Duration?
    }

    static func run(_ plan: Plan) throws -> Bool {
        try plan.condition.lock.withLock { _ in try plan.condition.wait(within: plan.limit) }
    }
}

/// Counts down from 4 to 0, and waits for the answer 10 at the same place.
enum WaitForState: ProcessFunction {
    struct Plan: Codable, Sendable {
        let condition: ProcessCondition
        let state: SharedMemory

        var number: Int {
            get { state.load(at: 0, as: Int.self) }
            nonmutating set { state.store(newValue, at: 0) }
        }
    }

    static func run(_ plan: Plan) throws -> Bool {
        try plan.condition.lock.withLock { _ in
            for number in (0...4).reversed() {
                plan.number = number
                plan.condition.notifyAll()
            }
            return try plan.condition.wait(for: { plan.number == 10 })
        }
    }
}

@Suite(.timeLimit(.hang))
struct ProcessConditionTests {
    /// Returns once so many wait.
    private static func untilWaiting(_ count: Int, at condition: ProcessCondition) throws {
        while try condition.lock.withLock({ _ in condition.waitingCount }) != count {
            Strand.yield()
        }
    }

    /// Starts two processes, two threads and two fibers that wait.
    private static func crowd(
        at condition: ProcessCondition, within limit: Duration? = nil
    ) throws -> [@Sendable () throws -> Bool] {
        let plan = WaitAtCondition.Plan(condition: condition, limit: limit)
        let processes = try (0..<2).map { _ in try spawn(.process, WaitAtCondition.self, plan) }
        let threads = (0..<2).map { _ in spawn(.thread) { try WaitAtCondition.run(plan) } }
        let fibers = (0..<2).map { _ in spawn(.fiber) { try WaitAtCondition.run(plan) } }
        let strands = threads + fibers
        return processes.map { process in { @Sendable in try process.join() } }
            + strands.map { strand in { @Sendable in try strand.join() } }
    }

    // MP-029
    @Test func `one notification lets one of processes, threads and fibers go on`() async throws {
        try await onThread {
            let condition = try ProcessCondition()
            let waits = try Self.crowd(at: condition)
            for left in (1...6).reversed() {
                try Self.untilWaiting(left, at: condition)
                try condition.lock.withLock { _ in condition.notify() }
                try Self.untilWaiting(left - 1, at: condition)
            }
            for wait in waits {
                let wasNotified = try wait()
                #expect(wasNotified)
            }
        }
    }

    // MP-030
    @Test func `limits pass for all, and notifyAll wakes all`() async throws {
        try await onThread {
            let condition = try ProcessCondition()
            for wait in try Self.crowd(at: condition, within: .milliseconds(20)) {
                let wasNotified = try wait()
                #expect(!wasNotified)
            }
            try Self.untilWaiting(0, at: condition)
            let waits = try Self.crowd(at: condition)
            try Self.untilWaiting(6, at: condition)
            try condition.lock.withLock { _ in condition.notifyAll() }
            for wait in waits {
                let wasNotified = try wait()
                #expect(wasNotified)
            }
        }
    }

    // MP-031, MP-033
    @Test func `a wait says whether it was notified, and holds the lock again`() async throws {
        try await onThread {
            let condition = try ProcessCondition()
            try condition.lock.withLock { _ in
                let before = ContinuousClock.now
                let wasNotified = try condition.wait(within: .milliseconds(10))
                #expect(!wasNotified)
                #expect(ContinuousClock.now - before >= .milliseconds(10))
                #expect(condition.lock.isHeldByThread)
                let isNotified = try condition.wait(within: .zero)
                #expect(!isNotified)
            }
            let waiting = spawn(.thread) {
                try WaitAtCondition.run(.init(condition: condition, limit: nil))
            }
            try Self.untilWaiting(1, at: condition)
            try condition.lock.withLock { _ in condition.notify(3) }
            let wasNotified = try waiting.join()
            #expect(wasNotified)
        }
    }

    // MP-032
    @Test(arguments: SharingTests.methods)
    func `processes wait for what each other makes true`(_ method: StartMethod) async throws {
        try await onThread {
            let plan = WaitForState.Plan(
                condition: try ProcessCondition(), state: try SharedMemory(bytes: 8))
            plan.number = 5
            let child = try plan.condition.lock.withLock { _ in
                let child = try spawn(.process, WaitForState.self, plan, method: method)
                let isZero = try plan.condition.wait(for: { plan.number == 0 })
                let isMore = try plan.condition.wait(
                    for: { plan.number > 0 }, within: .milliseconds(5))
                #expect(isZero && !isMore)
                plan.number = 10
                plan.condition.notifyAll()
                return child
            }
            let isDone = try child.join()
            #expect(isDone)
        }
    }

    @Test func `one that was killed while it waited is passed over`() async throws {
        try await onThread {
            let condition = try ProcessCondition()
            let plan = WaitAtCondition.Plan(condition: condition, limit: nil)
            let child = try spawn(.process, WaitAtCondition.self, plan)
            try Self.untilWaiting(1, at: condition)
            let waiting = spawn(.thread) { try WaitAtCondition.run(plan) }
            try Self.untilWaiting(2, at: condition)
            child.kill()
            #expect(throws: WorkerCrashed.self) { try child.join() }
            try condition.lock.withLock { _ in
                #expect(condition.waitingCount == 1)
                condition.notify()
            }
            let wasNotified = try waiting.join()
            #expect(wasNotified)
        }
    }

    @Test func `one that is cancelled after its notification passes it on`() async throws {
        try await onThread {
            let condition = try ProcessCondition()
            let plan = WaitAtCondition.Plan(condition: condition, limit: nil)
            let first = spawn(.fiber) { try WaitAtCondition.run(plan) }
            while first.strand.currentWait == nil { Strand.yield() }
            let second = spawn(.fiber) { try WaitAtCondition.run(plan) }
            while second.strand.currentWait == nil { Strand.yield() }
            try condition.lock.withLock { _ in
                condition.notify()
                first.cancel()
            }
            // The one or the other was first: the notification or the cancellation.
            let outcome = Result { try first.join() }
            if case .success(let wasNotified) = outcome {
                #expect(wasNotified)
                try condition.lock.withLock { _ in condition.notify() }
            }
            let wasNotified = try second.join()
            #expect(wasNotified)
        }
    }

    @Test func `without the lock it traps`() async {
        await #expect(processExitsWith: .failure) {
            try ProcessCondition().notify()
        }
    }

    // MARK: Recursive locks

    // MP-025, MP-026
    @Test func `a recursive lock is given back as often as it was taken`() async throws {
        try await onThread {
            let lock = try ProcessRLock()
            for depth in 1...3 {
                #expect(try lock.acquire() == .acquired)
                #expect(lock.depth == depth)
            }
            let tried = try spawn(.thread) { lock.tryAcquire() }.join()
            let waited = try spawn(.fiber) { try lock.acquire(within: .milliseconds(5)) }.join()
            #expect(tried == nil && waited == nil)
            for _ in 0..<3 { lock.release() }
            #expect(!lock.isHeld)
            let taken = try spawn(.fiber) {
                try lock.withLock { _ in try lock.withLock { _ in lock.depth } }
            }.join()
            #expect(taken == 2)
            #expect(lock.tryAcquire() == .acquired)
            lock.release()
        }
    }

    // MP-025
    @Test func `one release too many traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            let lock = try ProcessRLock()
            for _ in 0..<3 { _ = lock.tryAcquire() }
            for _ in 0..<4 { lock.release() }
        }
        let said = text(result?.standardErrorContent ?? [])
        #expect(said.contains("release of a ProcessRLock"))
    }

    @Test func `a recursive lock survives its holder`() async throws {
        try await onThread {
            let lock = try ProcessRLock()
            #expect(throws: WorkerCrashed.self) {
                try spawn(.process, DieWithRLock.self, lock).join()
            }
            #expect(try lock.acquire() == .ownerDied)
            #expect(try lock.acquire() == .acquired)
            #expect(lock.depth == 2)
            lock.release()
            lock.release()
            #expect(lock.tryAcquire() == .acquired)
            lock.release()
        }
    }
}

enum DieWithRLock: ProcessFunction {
    static func run(_ lock: ProcessRLock) throws -> Nothing {
        for _ in 0..<3 { try lock.acquire() }
        try Signal.kill.raise()
        return Nothing()
    }
}
