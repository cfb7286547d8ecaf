import PlaitParking
@testable import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// How pools end.
@Suite(.timeLimit(.hang))
struct ThreadPoolEndTests {
    // GV-134
    @Test(arguments: WaiterKind.allCases)
    func `a pool that did nothing ends at once`(_ kind: WaiterKind) async throws {
        let pool = ThreadPool()
        try await kind.start({ pool.shutDown() }, task: { await pool.shutDown() }).value()
        #expect(pool.statistics.threads == 0)
    }

    // FU-046, FU-050
    @Test(arguments: WaiterKind.allCases)
    func `shutting down does what is queued, and ends the workers`(
        _ kind: WaiterKind
    ) async throws {
        let pool = ThreadPool(workers: 5)
        let goOn = Event()
        let strands = Box<[Strand]>([])
        let futures = try await (0..<50).asyncMap { number in
            try await pool.submit {
                strands.update { $0.append(Strand.current) }
                try goOn.wait()
                return number
            }
        }
        let ending = kind.start({ pool.shutDown() }, task: { await pool.shutDown() })
        try await until { @Sendable in
            do { _ = try pool.trySubmit {} } catch { return true }
            return false
        }
        goOn.set()
        try await ending.value()
        #expect(strands.value.count == 50)
        #expect(strands.value.allSatisfy { !$0.isAlive })
        for (number, future) in futures.enumerated() {
            #expect(try await future.result(within: .zero) == number)
        }
        await #expect(throws: ThreadPoolError.shutDown) { try await pool.submit {} }
    }

    // FU-001
    @Test func `shutting down right after a map does not hang`() async throws {
        let pool = ThreadPool(workers: 3)
        let results = try await pool.map(0..<100) { $0 }
        await pool.shutDown()
        #expect(try await results.collect() == Array(0..<100))
    }

    // FU-047
    @Test func `shutting down may cancel what is queued, and what runs completes`() async throws {
        let pool = ThreadPool(workers: 2)
        let (started, goOn) = (CountingSemaphore(permits: 0), Event())
        let futures = try await (0..<10).asyncMap { number in
            try await pool.submit {
                started.release()
                try goOn.wait()
                return number
            }
        }
        for _ in 0..<2 { try await started.acquire() }
        await pool.shutDown(wait: false, cancellingQueued: true)
        #expect(
            futures.map(\.isCancelled) == Array(repeating: false, count: 2)
                + Array(repeating: true, count: 8))
        goOn.set()
        await pool.shutDown()
        for number in 0..<2 { #expect(try await futures[number].result(within: .zero) == number) }
        #expect(pool.statistics.completed == 2)
    }

    // FU-049, GV-140
    @Test func `shutting down after work that was cancelled at once does not hang`() async throws {
        for workers in 1...3 {
            let pool = ThreadPool(workers: workers)
            let future = try await pool.submit {}
            future.cancel()
            await pool.shutDown()
            #expect(future.isDone)
            let other = ThreadPool(workers: workers)
            let late = try await other.submit {}
            await other.shutDown(cancellingQueued: true)
            #expect(late.isDone)
        }
    }

    // FU-052, EV-114
    @Test func `without waiting it returns, and the work is done none the less`() async throws {
        let pool = ThreadPool(workers: 2)
        let goOn = Event()
        let futures = try await (0..<5).asyncMap { number in
            try await pool.submit {
                try goOn.wait()
                return (number, Strand.current)
            }
        }
        await pool.shutDown(wait: false)
        #expect(futures.allSatisfy { !$0.isDone })
        goOn.set()
        for (number, future) in futures.enumerated() {
            let result = try await future.result()
            #expect(result.0 == number)
            try await result.1.join()
        }
    }

    // EV-113
    @Test func `after a pool was killed another does the work`() async throws {
        for _ in 0..<5 {
            let pool = ThreadPool(workers: 2, name: "again")
            #expect(try await pool.run { 1 } == 1)
            await pool.shutDown(cancellingQueued: true)
        }
    }

    @Test(arguments: WaiterKind.allCases)
    func `all who wait for a place learn of the end`(_ kind: WaiterKind) async throws {
        let pool = ThreadPool(workers: 1, queueCapacity: 0)
        let goOn = Event()
        try await pool.submit { try goOn.wait() }
        let late = (0..<4).map { _ in
            kind.start({ _ = try pool.submit {} }, task: { _ = try await pool.submit {} })
        }
        for strand in late { try await strand.untilParked() }
        await pool.shutDown(wait: false)
        for strand in late {
            await #expect(throws: ThreadPoolError.shutDown) { try await strand.value() }
        }
        goOn.set()
        await pool.shutDown()
    }

    @Test func `a pool of no workers that is shut down cancels what it has`() async throws {
        let pool = ThreadPool(workers: 1)
        pool.workers = 0
        let future = try await pool.submit {}
        await pool.shutDown()
        #expect(future.isCancelled)
    }

    // FU-051
    @Test func `a pool of a scope has done its work when the scope ends`() async throws {
        let done = Box(0)
        try await onThread {
            let result = try withThreadPool(workers: 2) { pool in
                for _ in 0..<20 { try pool.submit { done.update { $0 += 1 } } }
                return "done"
            }
            #expect(result == "done" && done.value == 20)
        }
        try await withThreadPool(workers: 2) { pool in
            for _ in 0..<20 { try await pool.submit { done.update { $0 += 1 } } }
        }
        #expect(done.value == 40)
        await #expect(throws: CancellationError.self) {
            try await withThreadPool(workers: 2) { pool in
                for _ in 0..<20 { try await pool.submit { done.update { $0 += 1 } } }
                throw CancellationError()
            }
        }
        #expect(done.value == 60)
    }

    @Test func `a pool that nobody refers to does its work, and ends with its last worker`()
        async throws
    {
        weak var weakPool: ThreadPool?
        let goOn = Event()
        let futures: [Future<Strand>]
        do {
            let pool = ThreadPool(workers: 1, idleLimit: .milliseconds(1))
            weakPool = pool
            futures = try await (0..<3).asyncMap { _ in
                try await pool.submit {
                    try goOn.wait()
                    return Strand.current
                }
            }
        }
        goOn.set()
        for future in futures { try await future.result().join() }
        while weakPool != nil { await Task.yield() }
        #expect(PoolRegistry.all.allSatisfy { $0 !== weakPool })
    }

    @Test func `a worker that waits for its own pool to end traps`() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let pool = ThreadPool(workers: 1, name: "ouroboros")
            try await pool.run { pool.shutDown() }
        }
        #expect(text(of: result).contains("worker ouroboros-0 waits for its own pool to end"))
    }

    // MARK: At the end of the program

    // FU-044
    @Test func `at the end of the program what is queued is done`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent])
        {
            let goOn = Event()
            for _ in 0..<2 {
                let pool = ThreadPool(workers: 1)
                for number in 0..<3 {
                    try await pool.submit {
                        try goOn.wait()
                        print("did \(number)")
                    }
                }
            }
            goOn.set()
            try await onThread { PoolRegistry.finishAtProgramEnd() }
        }
        let lines = output(of: result).split(separator: "\n").filter { $0.hasPrefix("did ") }
        #expect(lines.count == 6)
    }

    // FU-045
    @Test func `at the end of the program no more work is taken`() async {
        await #expect(processExitsWith: .success) {
            let pool = ThreadPool(workers: 1)
            let started = Event()
            let error = try await pool.submit {
                started.set()
                while !PoolRegistry.programIsEnding { Strand.yield() }
                do {
                    try ThreadPool().submit {}
                    return "taken"
                } catch {
                    return "\(error)"
                }
            }
            try await started.wait()
            try await onThread { PoolRegistry.finishAtProgramEnd() }
            let text = try await error.result(within: .zero)
            #expect(text == "\(ThreadPoolError.shutDown)")
            await #expect(throws: ThreadPoolError.shutDown) { try await pool.submit {} }
        }
    }

    // FU-048
    @Test func `a pool that was shut down without waiting is waited for at the end`() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent])
        {
            let (pool, goOn) = (ThreadPool(workers: 1), Event())
            try await pool.submit {
                try goOn.wait()
                print("the task completes")
            }
            await pool.shutDown(wait: false)
            goOn.set()
            try await onThread { PoolRegistry.finishAtProgramEnd() }
        }
        #expect(output(of: result).contains("the task completes"))
    }

    private func output(of result: ExitTest.Result?) -> String {
        text(result?.standardOutputContent ?? [])
    }
}
