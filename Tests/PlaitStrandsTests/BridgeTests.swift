import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

struct BridgeTests {
    struct Failure: Error, Equatable { let number: Int }

    @TaskLocal static var local = 0

    @Test(arguments: StrandKind.allCases)
    func `blockOn returns the result of async code`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let result = try blockOn {
                await Task.yield()
                return 42
            }
            #expect(result == 42)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `blockOn throws the error of async code`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            #expect(throws: Failure(number: 1)) {
                try blockOn {
                    await Task.yield()
                    throw Failure(number: 1)
                }
            }
        }
    }

    @Test func `with a hub, the async code runs on its thread`() async throws {
        try await onThread {
            let thread = kernelThreadID()
            let seen = try spawn(.fiber) {
                try blockOn {
                    let first = kernelThreadID()
                    await Task.yield()
                    return [first, kernelThreadID()]
                }
            }.join()
            #expect(seen == [thread, thread])
        }
    }

    @Test func `without a hub, it runs on the cooperative pool`() async throws {
        try await onThread {
            let thread = kernelThreadID()
            let seen = try blockOn { kernelThreadID() }
            #expect(seen != thread)
        }
    }

    @Test func `other fibers go on while one blocks on async code`() async throws {
        try await onThread {
            let event = Event()
            let blocked = spawn(.fiber) { try blockOn { try await event.wait() } }
            let other = spawn(.fiber) {
                for _ in 0..<10 { Strand.yield() }
                event.set()
            }
            try blocked.join()
            try other.join()
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `cancelling the caller cancels the task, and waits for it`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let started = Event()
            let sawCancellation = Box(false)
            let handle = spawn(kind: kind) {
                try blockOn {
                    started.set()
                    do {
                        try await Event().wait()
                    } catch {
                        for _ in 0..<10 { await Task.yield() }
                        sawCancellation.set(Task.isCancelled)
                    }
                }
            }
            try started.wait()
            handle.cancel()
            #expect(throws: CancellationError.self) { try handle.join() }
            #expect(sawCancellation.value)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `the caller's task-local values reach the code`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let seen = try BridgeTests.$local.withValue(7) {
                #expect(BridgeTests.local == 7)
                return try blockOn { BridgeTests.local }
            }
            #expect(seen == 7)
            #expect(try blockOn { BridgeTests.local } == 0)
        }
    }

    @Test func `many fibers block on async code at the same time`() async throws {
        try await onThread {
            let fibers = (0..<100).map { number in
                spawn(.fiber) {
                    try blockOn {
                        await Task.yield()
                        return number
                    }
                }
            }
            let results = try fibers.map { try $0.join() }
            #expect(results == Array(0..<100))
        }
    }

    // MARK: Background hubs

    @Test func `a background hub runs fibers of threads and tasks`() async throws {
        let background = try await Hub.start(name: "background")
        let thread = try await spawn(.fiber, on: background.hub) { kernelThreadID() }.join()
        let seen = try await onThread {
            try (0..<10).map { _ in
                try spawn(.fiber, on: background.hub) { kernelThreadID() }.join()
            }
        }
        #expect(seen.allSatisfy { $0 == thread })
        let task = Task(executorPreference: background.hub.executor) { kernelThreadID() }
        #expect(await task.value == thread)
        try await onThread { try background.stop() }
    }

    @Test func `fibers sent to another hub start in the order of sending`() async throws {
        let background = try await Hub.start(name: "background")
        try await onThread {
            let order = Box<[Int]>([])
            let fibers = (0..<500).map { number in
                spawn(.fiber, on: background.hub) { order.update { $0.append(number) } }
            }
            for fiber in fibers { try fiber.join() }
            #expect(order.value == Array(0..<500))
            try background.stop()
        }
    }

    @Test func `stopping a background hub waits for its fibers and cancels daemons`() async throws {
        let ends = Box<[String]>([])
        let goOn = Event()
        try await onThread {
            let background = try Hub.start(name: "background")
            spawn(.fiber, on: background.hub) {
                try goOn.wait()
                ends.update { $0.append("fiber") }
            }
            spawn(.fiber, on: background.hub, isDaemon: true) {
                do { try Event().wait() } catch { ends.update { $0.append("daemon") } }
            }
            let stopper = spawn(.thread) { try background.stop() }
            #expect(throws: TimedOut.self) { try stopper.join(within: .milliseconds(2)) }
            goOn.set()
            try stopper.join()
        }
        #expect(ends.value == ["fiber", "daemon"])
    }
}
