import PlaitLoop
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// What runs between the strands of a thread: see `CallbackStrand`.
struct CallbackTests {
    /// Runs `body` in a callback of the calling thread's hub, and returns what it did.
    @available(*, noasync)
    private static func inCallback<Result: Sendable>(
        _ body: @escaping @Sendable () -> Result
    ) throws -> Result {
        let answer = Queue<Result>(capacity: 1)
        Hub.current.post { _ = try? answer.tryPut(body()) }
        return try answer.get()
    }

    @Test func `a recursive lock that nobody took is not held by a callback`() async throws {
        let lock = RLock()
        let seen = try await onThread {
            try CallbackTests.inCallback {
                let before = [lock.isHeld ? 1 : 0, lock.depth]
                return before + lock.withLock { lock.withLock { [lock.depth] } }
            }
        }
        #expect(seen == [0, 0, 2])
        #expect(!lock.isLocked)
    }

    @Test func `a recursive lock excludes between a callback and other strands`() async throws {
        let lock = RLock()
        try await onThread {
            // In a callback, others cannot take it.
            let isTaken = try CallbackTests.inCallback {
                lock.withLock {
                    let thread = spawn(.thread) { lock.tryAcquire() }
                    while thread.isAlive { yieldThread() }
                    return thread.strand
                }
            }
            #expect(!isTaken.isAlive)
            #expect(!lock.isLocked)
            // Nor does a callback take it from the strand whose thread it runs on.
            try lock.acquire()
            #expect(try !CallbackTests.inCallback { lock.tryAcquire() })
            let fiber = spawn(.fiber) { lock.tryAcquire() }
            #expect(try !fiber.join())
            lock.release()
        }
    }

    @Test func `two hubs' callbacks exclude each other`() async throws {
        let lock = RLock()
        try await onThread {
            let taken = Event()
            let mayRelease = Box(false)
            let other = spawn(.thread) {
                try CallbackTests.inCallback {
                    lock.withLock {
                        taken.set()
                        while !mayRelease.value { yieldThread() }
                    }
                }
            }
            try taken.wait()
            #expect(try !CallbackTests.inCallback { lock.tryAcquire() })
            mayRelease.set(true)
            try other.join()
        }
    }

    // A task that runs a hub, as an async `main` may, is current in its callbacks too.
    @Test func `what a task holds that runs a hub, its callbacks do not hold`() async {
        await #expect(processExitsWith: .success) {
            func run() throws {
                let lock = RLock()
                try lock.acquire()
                let isHeld = try CallbackTests.inCallback { lock.isHeld || lock.tryAcquire() }
                #expect(!isHeld)
                #expect(lock.isHeld)
                lock.release()
            }
            try run()
        }
    }

    @Test func `a timer's callback may notify a condition`() async throws {
        try await onThread {
            let condition = Condition()
            let isReady = Box(false)
            let waiter = spawn(.fiber) {
                try condition.acquire()
                defer { condition.release() }
                return try condition.wait(for: { isReady.value }, within: .seconds(60))
            }
            Strand.yield()
            Hub.current.loop.schedule(after: .zero) {
                condition.withLock {
                    isReady.set(true)
                    condition.notifyAll()
                }
            }
            let wasReady = try waiter.join()
            #expect(wasReady)
        }
    }

    @Test(arguments: [
        ("yield", "Strand.yield"), ("sleep", "Strand.yield"), ("round", "Loop.runOnce"),
        ("end", "Strand.yield"),
    ])
    func `a callback that lets others run ends the program with a message`(
        _ what: String, _ verb: String
    ) async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) { [what] in
            try await onThread {
                let hub = Hub.current
                switch what {
                case "yield": hub.post { Strand.yield() }
                case "sleep": hub.loop.schedule(after: .zero) { try? Strand.sleep(for: .zero) }
                case "round": hub.post { hub.loop.runOnce(until: .immediate) }
                default: CallbackTests.postOwner(of: AtEnd { Strand.yield() }, to: hub)
                }
                try Strand.sleep(for: .seconds(600))
            }
        }
        #expect(
            text(of: result).contains(
                "plait: \(verb) would wait inside a callback or task that runs on a hub's loop"))
    }

    /// What the callback has captured goes when it has run.
    private static func postOwner(of object: AtEnd, to hub: Hub) {
        hub.post { withExtendedLifetime(object) {} }
    }

    private final class AtEnd: Sendable {
        private let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        deinit { body() }
    }

    @Test func `a callback that reads and writes much does not run the hub inside itself`()
        async throws
    {
        try await onThread {
            let hasRun = Box(false)
            spawn(.fiber) { hasRun.set(true) }
            Hub.current.post {
                for _ in 0..<1_000 { Hub.current.countOperation() }
                #expect(!hasRun.value)
                #expect(Strand.current.name == "loop callback")
            }
            // The round's messages come before its fibers.
            Strand.yield()
            #expect(hasRun.value)
        }
    }

    @Test func `a posted callback does not run once the hub's thread has ended`() async throws {
        let hub = try await onThread { Hub.current }
        #expect(!hub.post { Issue.record("ran") })
        #expect(!hub.loop.post { Issue.record("ran") })
    }

    // MARK: Tasks after the end of their hub

    private actor Counter {
        private let executor: LoopExecutor
        private let isInside = Box(false)
        private var count = 0
        private var overlaps = 0

        nonisolated var unownedExecutor: UnownedSerialExecutor {
            unsafe executor.asUnownedSerialExecutor()
        }

        init(on executor: LoopExecutor) { self.executor = executor }

        func hit() {
            if isInside.value { overlaps += 1 }
            isInside.set(true)
            for _ in 0..<10 { yieldThread() }
            count += 1
            isInside.set(false)
        }

        var seen: [Int] { [count, overlaps] }
    }

    @Test func `an actor of a hub that has ended still runs one job at a time`() async throws {
        let executor = try await onThread { Hub.current.executor }
        let counter = Counter(on: executor)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<100 { await counter.hit() } }
            }
        }
        #expect(await counter.seen == [800, 0])
    }

    @Test func `a task whose preferred hub has ended goes on elsewhere`() async throws {
        let began = Event()
        let mayGoOn = Event()
        let task = try await onThread {
            let task = Task(executorPreference: Hub.current.executor) {
                began.set()
                try await mayGoOn.wait()
                await Task.yield()
                return 5
            }
            try began.wait()
            return task
        }
        mayGoOn.set()
        #expect(try await task.value == 5)
    }
}
