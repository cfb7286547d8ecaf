import PlaitParking
import PlaitPlatform
import Synchronization
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct TaskParkingTests {
    private func cancelThisTask() { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }

    @Test func `a wake ends a suspension`() async throws {
        let gate = Gate()
        async let outcome = gate.wait()
        try await until { gate.hasWaiters }
        gate.open()
        #expect(await outcome == .woken)
        #expect(gate.unused == 0)
    }

    @Test func `a suspension that turns out not to be needed ends as woken`() async {
        let gate = Gate()
        gate.open()
        #expect(await gate.wait() == .woken)
        #expect(gate.unused == 0)
    }

    @Test func `a granted suspension says so`() async throws {
        let gate = Gate()
        async let outcome = gate.wait()
        try await until { gate.hasWaiters }
        gate.open(as: .granted)
        #expect(await outcome == .granted)
    }

    @Test func `a task that is cancelled already is not queued`() async {
        let gate = Gate()
        let task = Task {
            cancelThisTask()
            return await gate.wait()
        }
        #expect(await task.value == .cancelled)
        #expect(gate.enrolled == 0)
    }

    @Test func `a cancelled task leaves the queue`() async throws {
        let gate = Gate()
        let task = Task { await gate.wait() }
        try await until { gate.hasWaiters }
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(!gate.hasWaiters)
    }

    @Test func `a cancellation right before queueing is not missed`() async {
        let gate = Gate()
        let task = Task {
            await Parking.suspend(
                on: WaitTarget("Test.wait"), until: .never,
                enrol: { waiter in
                    cancelThisTask()
                    return gate.enrol(waiter)
                }, withdraw: gate.withdraw)
        }
        #expect(await task.value == .cancelled)
        #expect(!gate.hasWaiters)
    }

    @Test func `what was had before a cancellation is kept`() async {
        let gate = Gate()
        gate.open()
        let task = Task {
            await Parking.suspend(
                on: WaitTarget("Test.wait"), until: .never,
                enrol: { waiter in
                    let mustWait = gate.enrol(waiter)
                    cancelThisTask()
                    return mustWait
                }, withdraw: gate.withdraw)
        }
        #expect(await task.value == .woken)
        #expect(gate.unused == 0)
    }

    @Test func `a deadline ends a suspension, not before it has come, and withdraws it`() async {
        let gate = Gate()
        let deadline = Deadline(within: .milliseconds(5))
        #expect(await gate.wait(until: deadline) == .timedOut)
        #expect(Deadline.now >= deadline)
        #expect(!gate.hasWaiters)
    }

    @Test func `a deadline that has passed looks once`() async {
        let gate = Gate()
        #expect(await gate.wait(until: .immediate) == .timedOut)
        gate.open()
        #expect(await gate.wait(until: .immediate) == .woken)
        #expect(gate.enrolled == 2)
    }

    @Test func `a wake before a far deadline forgets the deadline`() async throws {
        let gate = Gate()
        async let outcome = gate.wait(until: Deadline(within: .seconds(3_600)))
        try await until { gate.hasWaiters }
        gate.open()
        #expect(await outcome == .woken)
    }

    @Test func `a nearer deadline is not kept waiting by a farther one`() async throws {
        let gate = Gate()
        async let far = gate.wait(until: Deadline(within: .seconds(3_600)))
        try await until { gate.hasWaiters }
        #expect(await Gate().wait(until: Deadline(within: .milliseconds(1))) == .timedOut)
        gate.open()
        #expect(await far == .woken)
    }

    @Test func `many deadlines at the same time all end`() async {
        let gate = Gate()
        let outcomes = await withTaskGroup(of: WaitOutcome.self) { group in
            for index in 0..<500 {
                group.addTask {
                    await gate.wait(until: Deadline(within: .microseconds(index % 50 * 40)))
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count == 500)
        #expect(outcomes.allSatisfy { $0 == .timedOut })
        #expect(!gate.hasWaiters)
    }

    @Test func `deadline against wake, no opening is lost`() async throws {
        let gate = Gate()
        let rounds = 2_000
        async let opened: Void = onThread { for _ in 0..<rounds { gate.open() } }
        var passed = 0
        for round in 0..<rounds {
            let limit = Duration.microseconds(round % 100)
            if await gate.wait(until: Deadline(within: limit)) == .woken { passed += 1 }
        }
        try await opened
        #expect(passed + gate.unused == rounds)
        #expect(!gate.hasWaiters)
    }
}
