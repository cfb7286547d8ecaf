import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// Passes a barrier many times, and says at which passes it was out of step, and which indices it
/// had.
enum PassBarrier: ProcessFunction {
    struct Plan: Codable, Sendable {
        let barrier: ProcessBarrier
        let passes: Int
        /// How many parties have begun each pass.
        let begun: SharedArray<Int>
    }

    struct Report: Codable, Sendable {
        var indices: [Int] = []
        var isInStep = true
    }

    static func run(_ plan: Plan) throws -> Report {
        var report = Report()
        for pass in 0..<plan.passes {
            try plan.begun.withLock { $0[pass] += 1 }
            report.indices.append(try plan.barrier.wait())
            // Nobody is behind it any more.
            let count = try plan.begun.load(at: pass)
            if count != plan.barrier.parties { report.isInStep = false }
        }
        return report
    }
}

enum WaitAtBarrier: ProcessFunction {
    static func run(_ barrier: ProcessBarrier) throws -> Int { try barrier.wait() }
}

@Suite(.timeLimit(.hang))
struct ProcessBarrierTests {
    /// Two processes, a thread, a fiber, and what all of them report.
    private static func pass(_ passes: Int) throws -> [PassBarrier.Report] {
        let plan = PassBarrier.Plan(
            barrier: try ProcessBarrier(parties: 4), passes: passes,
            begun: try SharedArray(repeating: 0, count: passes))
        let processes = try (0..<2).map { _ in try spawn(.process, PassBarrier.self, plan) }
        let thread = spawn(.thread) { try PassBarrier.run(plan) }
        let fiber = spawn(.fiber) { try PassBarrier.run(plan) }
        return try processes.map { try $0.join() } + [try thread.join(), try fiber.join()]
    }

    private static func untilWaiting(_ count: Int, at barrier: ProcessBarrier) throws {
        while try barrier.waitingCount() != count { Strand.yield() }
    }

    // MP-036, MP-037, MP-038, MP-042
    @Test(arguments: [1, 10, 1_000])
    func `parties of several processes pass in step, each with its number`(
        _ passes: Int
    ) async throws {
        let reports = try await onThread { try Self.pass(passes) }
        for report in reports { #expect(report.isInStep) }
        for pass in 0..<passes {
            #expect(Set(reports.map { $0.indices[pass] }) == [0, 1, 2, 3])
        }
    }

    // MP-039
    @Test func `an abort breaks it for all who wait and come`() async throws {
        try await onThread {
            let barrier = try ProcessBarrier(parties: 4)
            let child = try spawn(.process, WaitAtBarrier.self, barrier)
            let fiber = spawn(.fiber) { try barrier.wait() }
            try Self.untilWaiting(2, at: barrier)
            try barrier.abort()
            #expect(barrier.isBroken)
            #expect(throws: BarrierError.broken) { try child.join() }
            #expect(throws: BarrierError.broken) { try fiber.join() }
            #expect(throws: BarrierError.broken) { try barrier.wait() }
        }
    }

    // MP-040
    @Test func `after abort and reset it is as new`() async throws {
        try await onThread {
            let barrier = try ProcessBarrier(parties: 2)
            let fiber = spawn(.fiber) { try barrier.wait() }
            try Self.untilWaiting(1, at: barrier)
            try barrier.abort()
            try barrier.reset()
            #expect(throws: BarrierError.broken) { try fiber.join() }
            #expect(!barrier.isBroken)
            let child = try spawn(.process, WaitAtBarrier.self, barrier)
            let ours = try barrier.wait()
            let theirs = try child.join()
            #expect(Set([ours, theirs]) == [0, 1])
        }
    }

    // MP-041
    @Test func `its own limit breaks it, and a wait's limit is for that wait`() async throws {
        try await onThread {
            let barrier = try ProcessBarrier(parties: 2, within: .milliseconds(10))
            #expect(throws: BarrierError.broken) { try barrier.wait() }
            #expect(barrier.isBroken)
            try barrier.reset()
            #expect(throws: BarrierError.broken) { try barrier.wait(within: .zero) }
            try barrier.reset()
            let child = try spawn(.process, WaitAtBarrierForEver.self, barrier)
            let ours = try barrier.wait(within: nil)
            let theirs = try child.join()
            #expect(Set([ours, theirs]) == [0, 1])
        }
    }

    @Test func `the last to arrive acts before any goes on, and its error breaks it`() async throws
    {
        try await onThread {
            let barrier = try ProcessBarrier(parties: 2)
            let fiber = spawn(.fiber) { try barrier.wait() }
            try Self.untilWaiting(1, at: barrier)
            let index = try barrier.wait { #expect(fiber.isAlive) }
            let other = try fiber.join()
            #expect(index == 0 && other == 1)
            let unlucky = spawn(.fiber) { try barrier.wait() }
            try Self.untilWaiting(1, at: barrier)
            #expect(throws: TimedOut.self) {
                try barrier.wait { throw TimedOut("action") }
            }
            #expect(throws: BarrierError.broken) { try unlucky.join() }
            #expect(barrier.isBroken)
        }
    }

    @Test func `one that is cancelled or killed leaves its place to another`() async throws {
        try await onThread {
            let barrier = try ProcessBarrier(parties: 2)
            let child = try spawn(.process, WaitAtBarrierForEver.self, barrier)
            try Self.untilWaiting(1, at: barrier)
            child.kill()
            #expect(throws: WorkerCrashed.self) { try child.join() }
            let cancelled = spawn(.fiber) { try barrier.wait() }
            try Self.untilWaiting(1, at: barrier)
            cancelled.cancel()
            #expect(throws: CancellationError.self) { try cancelled.join() }
            let fiber = spawn(.fiber) { try barrier.wait() }
            try Self.untilWaiting(1, at: barrier)
            let index = try barrier.wait()
            let other = try fiber.join()
            #expect(index == 0 && other == 1)
        }
    }

    @Test(arguments: WaiterKind.pairs)
    func `threads, fibers and tasks meet`(_ first: WaiterKind, _ second: WaiterKind) async throws {
        let barrier = try ProcessBarrier(parties: 3)
        let parties = [first, second].map { kind in
            kind.start {
                try barrier.wait()
            } task: {
                try await barrier.wait()
            }
        }
        let last = try await barrier.wait()
        let others = [try await parties[0].value(), try await parties[1].value()]
        #expect(Set(others + [last]) == [0, 1, 2])
    }

    @Test func `a task that is cancelled leaves its place, and one may act, abort and reset`()
        async throws
    {
        let barrier = try ProcessBarrier(parties: 2)
        let waiting = Task { try await barrier.wait() }
        try await until { (try? await onThread { try barrier.waitingCount() }) == 1 }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        try await until { (try? await onThread { try barrier.waitingCount() }) == 0 }
        let other = Task { try await barrier.wait() }
        try await until { (try? await onThread { try barrier.waitingCount() }) == 1 }
        await #expect(throws: TimedOut.self) {
            try await barrier.wait { throw TimedOut("action") }
        }
        await #expect(throws: BarrierError.broken) { try await other.value }
        try await barrier.reset()
        #expect(!barrier.isBroken)
        try await barrier.abort()
        #expect(barrier.isBroken)
    }

    @Test func `an actor that dies breaks it`() async throws {
        try await onThread {
            let barrier = try ProcessBarrier(parties: 2)
            let waiting = spawn(.thread) { try barrier.wait() }
            try Self.untilWaiting(1, at: barrier)
            let child = try spawn(.process, DieInAction.self, barrier)
            #expect(throws: WorkerCrashed.self) { try child.join() }
            #expect(throws: BarrierError.broken) { try waiting.join() }
        }
    }
}

enum WaitAtBarrierForEver: ProcessFunction {
    static func run(_ barrier: ProcessBarrier) throws -> Int { try barrier.wait(within: nil) }
}

enum DieInAction: ProcessFunction {
    static func run(_ barrier: ProcessBarrier) throws -> Int {
        try barrier.wait { try Signal.kill.raise() }
    }
}
