import PlaitLoop
import PlaitPlatform
import PlaitStrands
import TestSupport
import Testing

struct LoopExecutorTests {
    /// Runs a loop on a thread of its own until the test has ended.
    private func withLoop(
        _ body: (Loop, LoopExecutor, _ thread: Int32) async throws -> Void
    ) async throws {
        let loop = try Loop()
        let executor = LoopExecutor(loop: loop)
        let isDone = Box(false)
        let kernelID = Box<Int32>(0)
        let thread = spawn(.thread) {
            kernelID.set(kernelThreadID())
            while !isDone.value { loop.runOnce(until: .never) }
        }
        try await until { kernelID.value != 0 }
        do {
            try await body(loop, executor, kernelID.value)
        } catch {
            Issue.record(error)
        }
        loop.post { isDone.set(true) }
        try await thread.join()
    }

    @Test func `a task that prefers the executor runs on the loop's thread`() async throws {
        try await withLoop { _, executor, thread in
            let task = Task(executorPreference: executor) {
                var seen = [kernelThreadID()]
                await Task.yield()
                seen.append(kernelThreadID())
                try await Task.sleep(for: .milliseconds(1))
                seen.append(kernelThreadID())
                async let child = kernelThreadID()
                seen.append(await child)
                return seen
            }
            let seen = try await task.value
            #expect(seen == [thread, thread, thread, thread])
        }
    }

    private actor Counter {
        private let executor: LoopExecutor
        private var count = 0

        nonisolated var unownedExecutor: UnownedSerialExecutor {
            unsafe executor.asUnownedSerialExecutor()
        }

        init(on executor: LoopExecutor) { self.executor = executor }

        func increment() -> (count: Int, thread: Int32) {
            count += 1
            return (count, kernelThreadID())
        }
    }

    @Test func `an actor with the loop's executor runs on the loop's thread`() async throws {
        try await withLoop { _, executor, thread in
            let counter = Counter(on: executor)
            await withTaskGroup(of: Int32.self) { group in
                for _ in 0..<100 {
                    group.addTask { await counter.increment().thread }
                }
                for await seen in group { #expect(seen == thread) }
            }
            let last = await counter.increment()
            #expect(last.count == 101)
        }
    }

    @Test func `jobs and messages run in the order of their arrival`() async throws {
        try await withLoop { loop, executor, _ in
            let order = Box<[Int]>([])
            let isFirst = Box(false)
            // Keeps the loop busy until all the others are queued.
            loop.post { while !isFirst.value { yieldThread() } }
            let tasks = (0..<10).map { number in
                loop.post { order.update { $0.append(2 * number) } }
                return Task(executorPreference: executor) {
                    order.update { $0.append(2 * number + 1) }
                }
            }
            isFirst.set(true)
            for task in tasks { await task.value }
            #expect(order.value == Array(0..<20))
        }
    }
}
