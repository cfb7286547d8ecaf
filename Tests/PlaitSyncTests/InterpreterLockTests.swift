import PlaitParking
import PlaitStrands
@testable import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct InterpreterLockTests {
    /// No request comes within a test.
    private static let patient = InterpreterLockPolicy.interval(.seconds(3_600))

    @Test func `by default a waiter asks after five milliseconds`() {
        #expect(InterpreterLock().policy == .interval(.milliseconds(5)))
    }

    @Test func `trying takes a free lock and fails on a held one`() async throws {
        let lock = InterpreterLock()
        try await onThread {
            #expect(lock.tryAcquire())
            #expect(lock.isLocked)
            try spawn(.thread) { #expect(!lock.tryAcquire()) }.join()
            lock.release()
        }
        #expect(!lock.isLocked)
    }

    @Test(arguments: [InterpreterLockPolicy.interval(), .ticks(every: 1)])
    func `checks that nobody waits for cost no switch`(_ policy: InterpreterLockPolicy) async throws
    {
        let lock = InterpreterLock(policy)
        try await onThread { lock.withLock { for _ in 0..<10_000 { lock.check() } } }
        let statistics = lock.statistics()
        #expect(statistics.switches == 1)
        #expect(statistics.offers == 0 && statistics.requests == 0 && statistics.waits.isEmpty)
    }

    // MARK: The interval

    /// By what is counted: the guarantee does not depend on how long anything takes.
    @Test func `each wait beside a holder that only checks is one forced release`()
        async throws
    {
        let lock = InterpreterLock(.interval(.microseconds(100)))
        let (turns, isDone, log) = (Box(0), Box(false), Box<[String]>([]))
        let holds = Event()
        let hog = WaiterKind.thread.start(
            {
                try lock.acquire()
                holds.set()
                var switches = lock.statistics().switches
                while !isDone.value {
                    lock.check()
                    let now = lock.statistics().switches
                    if now != switches {
                        switches = now
                        log.update { $0.append("hog") }
                        turns.update { $0 += 1 }
                    }
                }
                lock.release()
            }, task: {})
        try await holds.wait()
        let rounds = 20
        try await onThread(named: "guest") {
            for round in 0..<rounds {
                try lock.acquire()
                log.update { $0.append("guest") }
                lock.release()
                while turns.value == round { Strand.yield() }
            }
        }
        isDone.set(true)
        try await hog.value()
        let statistics = lock.statistics()
        // More when the hog's patience ends before a guest that was held up has released it.
        #expect(statistics.requests >= rounds)
        #expect(statistics.forcedReleases == rounds)
        // Fewer when the guest was done before the hog had looked.
        #expect(statistics.failedRetakes <= rounds)
        #expect(statistics.switches == 2 * rounds + 1)
        #expect(log.value == (0..<rounds).flatMap { _ in ["guest", "hog"] })
        let guest = try #require(statistics.waits.first { $0.strand == "guest" })
        #expect(guest.count == rounds)
        // It asks no earlier than after its interval.
        #expect(guest.total >= .microseconds(100) * rounds)
    }

    @Test func `nobody is forced before a waiter's patience has ended`() async throws {
        let lock = InterpreterLock(Self.patient)
        let (holds, mayGo) = (Event(), Event())
        let holder = WaiterKind.thread.start(
            {
                try lock.acquire()
                holds.set()
                try mayGo.wait()
                for _ in 0..<1_000 { lock.check() }
                lock.release()
            }, task: {})
        try await holds.wait()
        let waiting = WaiterKind.thread.start({ lock.withLock {} }, task: {})
        try await waiting.untilParked()
        #expect(lock.waiterCount == 1)
        mayGo.set()
        try await holder.value()
        try await waiting.value()
        #expect(lock.statistics().requests == 0)
        #expect(lock.statistics().forcedReleases == 0)
        #expect(lock.waiterCount == 0)
    }

    @Test func `three that only compute take turns`() async throws {
        let lock = InterpreterLock(.interval(.microseconds(100)))
        let turns = Box([0, 0, 0])
        let workers = (0..<3).map { number in
            spawn(.thread) {
                try lock.acquire()
                var switches = 0
                while turns.value.contains(where: { $0 < 5 }) {
                    lock.check()
                    let now = lock.statistics().switches
                    if now != switches { turns.update { $0[number] += 1 } }
                    switches = now
                }
                lock.release()
            }
        }
        for worker in workers { try await worker.join() }
        #expect(turns.value.allSatisfy { $0 >= 5 })
    }

    // MARK: Ticks

    @Test func `the holder offers it after so many ticks, if anybody wants it`() async throws {
        let lock = InterpreterLock(.ticks(every: 10))
        let (holds, mayGo) = (Event(), Event())
        let offers: Started<[Int]> = WaiterKind.thread.start(
            {
                try lock.acquire()
                for _ in 0..<10 { lock.check() }
                let inVain = lock.statistics().offers
                holds.set()
                try mayGo.wait()
                for _ in 0..<9 { lock.check() }
                let early = lock.statistics().offers
                lock.check()
                let onTime = lock.statistics().offers
                lock.release()
                return [inVain, early, onTime]
            }, task: { [] })
        try await holds.wait()
        let waiting = WaiterKind.thread.start({ lock.withLock {} }, task: {})
        try await waiting.untilParked()
        mayGo.set()
        #expect(try await offers.value() == [0, 0, 1])
        try await waiting.value()
        #expect(lock.statistics().requests == 0)
    }

    // MARK: Changing the policy

    @Test(arguments: [
        (InterpreterLockPolicy.interval(.seconds(3_600)), InterpreterLockPolicy.interval()),
        (.ticks(every: .max), .interval(.milliseconds(1))),
        (.ticks(every: .max), .ticks(every: 3)),
        (.interval(.seconds(3_600)), .ticks(every: 3)),
    ])
    func `a change of policy counts for those who wait and who holds`(
        _ old: InterpreterLockPolicy, _ new: InterpreterLockPolicy
    ) async throws {
        let lock = InterpreterLock(old)
        let (holds, served) = (Event(), Box(false))
        let holder = WaiterKind.thread.start(
            {
                try lock.acquire()
                holds.set()
                // An offer is all that ticks promise.
                while !served.value && lock.statistics().offers == 0 { lock.check() }
                lock.release()
            }, task: {})
        try await holds.wait()
        let waiting = WaiterKind.thread.start({ lock.withLock { served.set(true) } }, task: {})
        try await waiting.untilParked()
        lock.policy = new
        #expect(lock.policy == new)
        try await waiting.value()
        try await holder.value()
    }

    // MARK: Letting others in

    @Test func `the lock is taken back whatever the body throws`() async throws {
        struct Failure: Error {}
        let lock = InterpreterLock()
        try await onThread {
            try lock.acquire()
            #expect(throws: Failure.self) {
                try lock.allowThreads {
                    #expect(!lock.isLocked)
                    throw Failure()
                }
            }
            #expect(lock.isLocked)
            lock.release()
        }
    }

    @Test func `a cancelled task has the lock again after a check and after letting others in`()
        async throws
    {
        let lock = InterpreterLock(.interval(.milliseconds(1)))
        let (holds, mayCheck, served) = (Event(), Event(), Box(0))
        let task = Task.detached {
            try await lock.acquire()
            holds.set()
            try? await mayCheck.wait()
            #expect(Task.isCancelled)
            while served.value == 0 { await lock.check() }
            await lock.allowThreads {
                let other = WaiterKind.thread.start(
                    {
                        try lock.acquire()
                        served.set(2)
                        while lock.waiterCount == 0 { Strand.yield() }
                        lock.release()
                    }, task: {})
                while served.value < 2 { await Task.yield() }
                _ = other
            }
            lock.release()
        }
        try await holds.wait()
        let waiting = WaiterKind.thread.start({ lock.withLock { served.set(1) } }, task: {})
        try await waiting.untilParked()
        task.cancel()
        mayCheck.set()
        try await waiting.value()
        try await task.value
        #expect(served.value == 2)
        #expect(!lock.isLocked)
    }

    // MARK: Misuse

    private func whatIsSaid(_ result: ExitTest.Result?) throws -> String {
        text(try #require(result).standardErrorContent)
    }

    @Test func `releasing what nobody holds traps and names the strand`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread(named: "culprit") { InterpreterLock().release() }
        }
        #expect(
            try whatIsSaid(result).contains(
                "release of an InterpreterLock that nobody holds, by strand culprit"))
    }

    @Test func `releasing what another holds traps`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            let lock = InterpreterLock()
            try await onThread { try lock.acquire() }
            try await onThread(named: "culprit") { lock.release() }
        }
        #expect(try whatIsSaid(result).contains("that another holds, by strand culprit"))
    }

    @Test func `taking it twice traps instead of waiting for ever`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread(named: "culprit") {
                let lock = InterpreterLock()
                lock.withLock { lock.withLock {} }
            }
        }
        #expect(
            try whatIsSaid(result).contains(
                "acquire of an InterpreterLock by its holder, strand culprit"))
    }

    @Test func `an offer by one who does not hold it traps`() async {
        await #expect(processExitsWith: .failure) {
            try await onThread { InterpreterLock(.ticks(every: 1)).check() }
        }
    }

    @Test(arguments: [0, -1])
    func `a policy without a positive number traps`(_ number: Int) async {
        await #expect(processExitsWith: .failure) { [number] in
            _ = InterpreterLock(.ticks(every: number))
        }
        await #expect(processExitsWith: .failure) { [number] in
            InterpreterLock().policy = .interval(.milliseconds(number))
        }
    }

    // MARK: Statistics

    @Test func `many strands that wait are added up by name, up to a limit`() {
        let waits = InterpreterLockWaits()
        for number in 1...300 {
            for _ in 0..<2 { waits.note(StrandKey(bits: UInt64(number)), nanoseconds: 10) }
        }
        #expect(waits.all.count == 257)
        #expect(waits.all.first?.strand == "others")
        #expect(waits.all.first?.count == 88)
        #expect(waits.all.map(\.count).reduce(0, +) == 600)
        #expect(waits.all.map(\.total).reduce(.zero, +) == .nanoseconds(6_000))
    }
}
