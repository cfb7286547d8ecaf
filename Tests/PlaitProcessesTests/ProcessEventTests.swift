import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitStrands
import Testing
import TestSupport

/// Answers one event with another.
enum Answering: ProcessFunction {
    struct Plan: Codable, Sendable {
        let question: ProcessEvent
        let answer: ProcessEvent
    }

    static func run(_ plan: Plan) throws -> Bool {
        try plan.question.wait()
        plan.answer.set()
        return plan.question.isSet
    }
}

/// Enters so many times, never with more than there are permits.
enum Entering: ProcessFunction {
    struct Plan: Codable, Sendable {
        let semaphore: ProcessSemaphore
        let counting: ProcessLock
        let inside: SharedMemory
        let times: Int
    }

    /// The most that were inside at the same time.
    static func run(_ plan: Plan) throws -> Int {
        var most = 0
        for _ in 0..<plan.times {
            try plan.semaphore.acquire()
            let now = try plan.counting.withLock { _ in change(plan.inside, by: 1) }
            most = max(most, now)
            _ = try plan.counting.withLock { _ in change(plan.inside, by: -1) }
            plan.semaphore.release()
        }
        return most
    }

    private static func change(_ memory: SharedMemory, by step: Int) -> Int {
        memory.store(memory.load(at: 0, as: Int.self) + step, at: 0)
        return memory.load(at: 0, as: Int.self)
    }
}

@Suite(.timeLimit(.hang))
struct ProcessEventTests {
    // MP-034
    @Test(arguments: [StartMethod.forkServer, .spawn])
    func `an event that one process sets wakes another`(_ method: StartMethod) async throws {
        try await onThread {
            let (question, answer) = (try ProcessEvent(), try ProcessEvent())
            let child = try spawn(
                .process, Answering.self, .init(question: question, answer: answer), method: method)
            let early = try answer.wait(within: .milliseconds(5))
            #expect(!early && !answer.isSet)
            question.set()
            let late = try answer.wait()
            let seen = try child.join()
            #expect(late && seen)
            answer.clear()
            let cleared = try answer.wait(within: .zero)
            #expect(!cleared)
        }
    }

    // MP-035
    @Test func `an event says whether it is set`() throws {
        let event = try ProcessEvent()
        #expect("\(event)" == "ProcessEvent(unset)")
        event.set()
        #expect("\(event)" == "ProcessEvent(set)")
    }

    // MP-027
    @Test func `a semaphore counts, and traps past its bound`() async throws {
        try await onThread {
            let semaphore = try ProcessSemaphore(permits: 2, bound: 2)
            #expect(semaphore.tryAcquire() && semaphore.tryAcquire() && !semaphore.tryAcquire())
            semaphore.release(2)
            #expect(semaphore.permits == 2)
        }
        await #expect(processExitsWith: .failure) {
            try ProcessSemaphore(permits: 1, bound: 1).release()
        }
    }

    // MP-028
    @Test func `limits of none, zero, less, and some`() async throws {
        try await onThread {
            let semaphore = try ProcessSemaphore(permits: 0)
            for limit in [Duration.zero, .milliseconds(-1), .milliseconds(3)] {
                let start = Deadline.now.nanoseconds
                let isTaken = try semaphore.acquire(within: limit)
                #expect(!isTaken)
                #expect(Deadline.now.nanoseconds - start >= limit.nanosecondsClamped)
            }
            let waiting = spawn(.fiber) { try semaphore.acquire() }
            spawn(.fiber) { semaphore.release() }
            let isTaken = try waiting.join()
            #expect(isTaken && semaphore.permits == 0)
        }
    }

    @Test func `never are more inside than there are permits`() async throws {
        let most = try await onThread {
            let plan = Entering.Plan(
                semaphore: try ProcessSemaphore(permits: 2), counting: try ProcessLock(),
                inside: try SharedMemory(bytes: 8), times: 2_000)
            let children = try (0..<3).map { _ in try spawn(.process, Entering.self, plan) }
            let own = spawn(.thread) { try Entering.run(plan) }
            let counts = try children.map { try $0.join() } + [try own.join()]
            #expect(plan.semaphore.permits == 2 && plan.inside.load(at: 0, as: Int.self) == 0)
            return counts.max() ?? 0
        }
        #expect(most == 1 || most == 2)
    }
}
