import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct ThreadPoolTests {
    struct Failure: Error, Equatable {}

    /// Something whose end can be seen.
    final class Payload: Sendable {}

    // MARK: Work

    @Test func `the idle workers of a pool without references end at once`() async throws {
        var pool: ThreadPool? = ThreadPool(workers: 2, idleLimit: .seconds(3_600))
        let (began, goOn) = (CountingSemaphore(permits: 0), Event())
        var futures: [Future<Strand>] = []
        for _ in 0..<2 {
            let future = try await pool?.submit {
                began.release()
                try goOn.wait()
                return Strand.current
            }
            futures.append(try #require(future))
        }
        for _ in 0..<2 { try await began.acquire() }
        // Queued when the pool goes: it is still done.
        let last = try #require(try await pool?.submit { 7 })
        goOn.set()
        var workers: [Strand] = []
        for future in futures { workers.append(try await future.result()) }
        #expect(try await last.result() == 7)
        let areAlive = workers.allSatisfy { $0.isAlive }
        #expect(areAlive)
        pool = nil
        for worker in workers { _ = try await worker.join() }
    }

    // GV-122, GV-126
    @Test(arguments: WaiterKind.allCases)
    func `run returns the value of work that a worker did`(_ kind: WaiterKind) async throws {
        let pool = ThreadPool(workers: 2, name: "doer")
        let name = try await kind.start(
            { try pool.run { Strand.current.name } },
            task: { try await pool.run { Strand.current.name } }
        ).value()
        #expect(name == "doer-0")
        await pool.shutDown()
    }

    // GV-123
    @Test(arguments: WaiterKind.allCases)
    func `run throws the error of the work`(_ kind: WaiterKind) async throws {
        let pool = ThreadPool(workers: 2)
        let caller = kind.start(
            { try pool.run { throw Failure() } }, task: { try await pool.run { throw Failure() } })
        await #expect(throws: Failure.self) { try await caller.value() }
        await pool.shutDown()
    }

    @Test func `threads, fibers and tasks may give work to one pool`() async throws {
        let pool = ThreadPool(workers: 2)
        for kind in WaiterKind.allCases {
            let future = try await kind.start(
                { try pool.submit { 6 * 7 } }, task: { try await pool.submit { 6 * 7 } }
            ).value()
            #expect(try await future.result() == 42)
        }
        await pool.shutDown()
    }

    // GV-133
    @Test func `work may run work in its own pool, with a worker left for it`() async throws {
        let pool = ThreadPool(workers: 2)
        #expect(try await pool.run { try pool.run { 3 } } == 3)
        await pool.shutDown()
    }

    @Test func `a future of work that runs cannot be cancelled, of queued work it can`()
        async throws
    {
        let pool = ThreadPool(workers: 1)
        let (started, goOn) = (Event(), Event())
        let running = try await pool.submit {
            started.set()
            try goOn.wait()
            return 1
        }
        let queued = try await pool.submit { 2 }
        try await started.wait()
        #expect(running.isRunning && !running.cancel())
        #expect(queued.cancel())
        #expect(pool.statistics.queued == 0)
        goOn.set()
        #expect(try await running.result() == 1)
        await #expect(throws: FutureError.cancelled) { try await queued.result() }
        await pool.shutDown()
        #expect(pool.statistics.completed == 1)
    }

    // GV-121
    @Test(arguments: WaiterKind.allCases)
    func `submit waits when the pool is full, trySubmit does not`(
        _ kind: WaiterKind
    ) async throws {
        let pool = ThreadPool(workers: 2, queueCapacity: 1)
        let goOn = Event()
        let first = try await (0..<3).asyncMap { _ in try await pool.submit { try goOn.wait() } }
        #expect(try pool.trySubmit {} == nil)
        await #expect(throws: TimedOut.self) { try await pool.submit(within: .zero) {} }
        let late = kind.start({ try pool.submit { 5 } }, task: { try await pool.submit { 5 } })
        try await late.untilParked()
        let figures = pool.statistics
        #expect(figures.threads == 2 && figures.queued + figures.running == 3)
        goOn.set()
        #expect(try await late.value().result() == 5)
        for future in first { try await future.result() }
        #expect(try pool.trySubmit {} != nil)
        await pool.shutDown()
    }

    @Test(arguments: WaiterKind.allCases)
    func `one who is cancelled while the pool is full brings no work`(
        _ kind: WaiterKind
    ) async throws {
        let pool = ThreadPool(workers: 1, queueCapacity: 0)
        let goOn = Event()
        try await pool.submit { try goOn.wait() }
        let ran = Box(false)
        let late = kind.start(
            { _ = try pool.submit { ran.set(true) } },
            task: { _ = try await pool.submit { ran.set(true) } })
        try await late.untilParked()
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value() }
        goOn.set()
        await pool.shutDown()
        #expect(!ran.value)
    }

    @Test func `cancelled work makes place for other work`() async throws {
        let pool = ThreadPool(workers: 1, queueCapacity: 2)
        let goOn = Event()
        try await pool.submit { try goOn.wait() }
        for _ in 0..<100 {
            let queued = try await (0..<2).asyncMap { _ in try await pool.submit {} }
            #expect(try pool.trySubmit {} == nil)
            for future in queued { future.cancel() }
        }
        goOn.set()
        await pool.shutDown()
        #expect(pool.statistics.completed == 1)
    }

    // FU-002
    @Test func `a worker keeps nothing of finished work while it is idle`() async throws {
        let pool = ThreadPool(workers: 1, idleLimit: .seconds(3_600))
        weak var argument: Payload?
        weak var result: Payload?
        do {
            let (given, made) = (Payload(), Payload())
            (argument, result) = (given, made)
            let future = try await pool.submit {
                withExtendedLifetime(given) {}
                return made
            }
            _ = try await future.result()
        }
        // The worker is still on its way from the end of the work, if it is not idle yet.
        while argument != nil || result != nil { await Task.yield() }
        #expect(pool.statistics.idle == 1)
        await pool.shutDown()
    }

    // MARK: Workers

    // FU-003, GV-124
    @Test(arguments: [0, -1])
    func `a pool of no worker traps`(_ workers: Int) async {
        let result =
            workers == 0
            ? await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = ThreadPool(workers: 0)
            }
            : await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = ThreadPool(workers: -1)
            }
        #expect(text(of: result).contains("a ThreadPool needs at least 1 worker, not \(workers)"))
    }

    // FU-057
    @Test func `there are four workers more than processors, at most 32`() {
        #expect(ThreadPool.defaultWorkers == min(32, processorCount + 4))
        #expect(ThreadPool().workers == ThreadPool.defaultWorkers)
    }

    // FU-058
    @Test func `never are there more threads than workers`() async throws {
        let pool = ThreadPool(workers: 4, idleLimit: .seconds(3_600))
        let goOn = Event()
        let names = Box<Set<String>>([])
        let futures = try await (0..<60).asyncMap { _ in
            try await pool.submit {
                names.update { _ = $0.insert(Strand.current.name) }
                try goOn.wait()
            }
        }
        #expect(pool.statistics.threads == 4)
        goOn.set()
        for future in futures { try await future.result() }
        await pool.shutDown()
        #expect(names.value.count <= 4)
        #expect(pool.statistics.completed == 60)
    }

    // FU-059
    @Test func `work after work is done by one thread`() async throws {
        let pool = ThreadPool(workers: 8, idleLimit: .seconds(3_600))
        for _ in 0..<200 {
            try await pool.submit {}.result()
            #expect(pool.statistics.threads == 1)
        }
        await pool.shutDown()
    }

    // FU-053
    @Test func `threads are called by the pool's name and a number`() async throws {
        let pool = ThreadPool(workers: 3, name: "special")
        let (started, goOn) = (CountingSemaphore(permits: 0), Event())
        let futures = try await (0..<3).asyncMap { _ in
            try await pool.submit {
                started.release()
                try goOn.wait()
                return Strand.current.name
            }
        }
        for _ in 0..<3 { try await started.acquire() }
        goOn.set()
        let names = try await futures.asyncMap { try await $0.result() }
        #expect(names.sorted() == ["special-0", "special-1", "special-2"])
        await pool.shutDown()
    }

    @Test func `a worker that is idle for long ends, and another starts when needed`() async throws
    {
        let pool = ThreadPool(workers: 4, idleLimit: .milliseconds(1))
        for _ in 0..<3 {
            let worker = try await pool.run { Strand.current }
            try await worker.join()
            #expect(pool.statistics.threads == 0)
        }
        await pool.shutDown()
    }

    // GV-138, EV-115
    @Test func `raising the limit from 0 lets waiting work run`() async throws {
        let pool = ThreadPool(workers: 1)
        pool.workers = 0
        #expect(pool.workers == 0)
        let futures = try await (0..<5).asyncMap { number in try await pool.submit { number } }
        #expect(pool.statistics.threads == 0 && pool.statistics.queued == 5)
        pool.workers = 2
        for (number, future) in futures.enumerated() {
            #expect(try await future.result() == number)
        }
        #expect(pool.statistics.threads <= 2)
        await pool.shutDown()
    }

    // GV-139
    @Test func `a limit of 0 ends the workers, once they are idle`() async throws {
        let pool = ThreadPool(workers: 3)
        let (started, goOn) = (CountingSemaphore(permits: 0), Event())
        let futures = try await (0..<3).asyncMap { _ in
            try await pool.submit {
                started.release()
                try goOn.wait()
                return Strand.current
            }
        }
        for _ in 0..<3 { try await started.acquire() }
        pool.workers = 0
        #expect(pool.statistics.threads == 3)
        goOn.set()
        for future in futures { try await future.result().join() }
        #expect(pool.statistics.threads == 0)
        await pool.shutDown()
    }

    @Test(arguments: [1, 2, 7])
    func `places follow the limit, up and down`(_ limit: Int) async throws {
        let pool = ThreadPool(workers: 4, queueCapacity: 3)
        let goOn = Event()
        let before = try await (0..<6).asyncMap { _ in try await pool.submit { try goOn.wait() } }
        pool.workers = limit
        goOn.set()
        for future in before { try await future.result() }
        let again = Event()
        var taken = 0
        while try pool.trySubmit({ try again.wait() }) != nil { taken += 1 }
        #expect(taken == limit + 3)
        again.set()
        await pool.shutDown()
    }

    // FU-034
    @Test func `the initializer runs in every worker before its work`() async throws {
        let ready = Box<Set<String>>([])
        let pool = ThreadPool(workers: 3) { ready.update { _ = $0.insert(Strand.current.name) } }
        let allRun = Barrier(parties: 3)
        let futures = try await (0..<3).asyncMap { _ in
            try await pool.submit {
                try allRun.wait()
                return ready.value.contains(Strand.current.name)
            }
        }
        for future in futures { #expect(try await future.result()) }
        #expect(ready.value.count == 3)
        await pool.shutDown()
    }

    @Test func `an initializer that throws breaks the pool`() async throws {
        let pool = ThreadPool(workers: 1, queueCapacity: 0, name: "bad") { throw Failure() }
        let reason = "the initializer threw on bad-0: Failure()"
        let future = try? await pool.submit { 1 }
        if let future {
            await #expect(throws: ThreadPoolError.broken(reason: reason)) {
                try await future.result()
            }
        }
        await #expect(throws: ThreadPoolError.broken(reason: reason)) { try await pool.run {} }
        await pool.shutDown()
        #expect(pool.statistics.threads == 0)
    }

    @Test func `a slow callback does not hold back other work`() async throws {
        let pool = ThreadPool(workers: 2)
        let (goOn, mayEnd) = (Event(), Event())
        let future = try await pool.submit { try goOn.wait() }
        future.onCompletion { _ in try mayEnd.wait() }
        goOn.set()
        try await future.result()
        for number in 0..<10 { #expect(try await pool.run { number } == number) }
        mayEnd.set()
        await pool.shutDown()
    }
}

extension Sequence {
    /// The results of `body` for each element, one after another.
    func asyncMap<Result>(_ body: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await body(element)) }
        return results
    }
}
