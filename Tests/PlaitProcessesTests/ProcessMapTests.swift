import Glibc
import PlaitParking
@testable import PlaitProcesses
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

/// Fails for some.
enum Odd: ProcessFunction {
    static func run(_ number: Int) throws -> String {
        if number == 13 { throw Refused(number: 13) }
        if number == 17 { fatalError("seventeen") }
        return "\(number)"
    }
}

/// Takes as long as it is told, and says so.
enum Nap: ProcessFunction {
    static func run(_ milliseconds: Int) throws -> Int {
        try Strand.sleep(for: .milliseconds(milliseconds))
        return milliseconds
    }
}

@Suite(.timeLimit(.hang))
struct ProcessMapTests {
    private func withPool<Result: Sendable>(
        _ body: @escaping @Sendable (ProcessPool) throws -> Result
    ) async throws -> Result {
        try await onThread { try withProcessPool(workers: 2, body) }
    }

    // MP-055, FU-037
    @Test(arguments: [nil, 1, 3, 1_000, 100_000])
    func `map keeps the order, whatever the chunks`(_ size: Int?) async throws {
        let values = try await withPool { pool in
            try pool.map(Twice.self, Array(0..<5_000), chunkSize: size)
        }
        #expect(values == (0..<5_000).map { $0 * 2 })
    }

    @Test func `map of nothing is nothing, and of words what it should`() async throws {
        let (none, words) = try await withPool { pool in
            (try pool.map(Twice.self, []), try pool.map(Odd.self, [1, 2, 3]))
        }
        #expect(none.isEmpty && words == ["1", "2", "3"])
    }

    @Test func `each input has its own result, whichever crash`() async throws {
        let pool = try ProcessPool(workers: 2)
        for results in [
            try await onThread { try pool.mapResults(Odd.self, [1, 17, 2, 13, 3]) },
            try await pool.mapResults(Odd.self, [1, 17, 2, 13, 3]),
        ] {
            #expect(results.map { try? $0.get() } == ["1", nil, "2", nil, "3"])
            let failures = results.compactMap { result -> ItemFailure? in
                if case .failure(let failure) = result { failure } else { nil }
            }
            #expect(failures.map(\.index) == [1, 3] && failures.map(\.input) == ["17", "13"])
            #expect(failures.first?.underlying is WorkerCrashed)
            #expect(failures.last?.underlying as? Refused == Refused(number: 13))
            #expect(failures.last?.description.hasPrefix("input 3 (13): ") == true)
        }
        pool.close()
        try await pool.join()
    }

    @Test func `a closed pool does what it was given, though nobody refers to it`() async throws {
        let futures = try await onThread {
            let pool = try ProcessPool(workers: 2)
            let futures = try (0..<6).map { _ in try pool.submit(Nap.self, 5) }
            pool.close()
            return futures
        }
        for future in futures { #expect(try await future.result() == 5) }
    }

    // MP-071
    @Test func `map throws the first error once all are done`() async throws {
        try await withPool { pool in
            #expect(throws: Refused(number: 13)) {
                try pool.map(Odd.self, [1, 13, 2, 3], chunkSize: 1)
            }
            #expect(pool.statistics.completed == 4)
            #expect(throws: WorkerCrashed.self) {
                try pool.map(Odd.self, [1, 17, 13, 2], chunkSize: 2)
            }
            let after = try pool.map(Odd.self, [4, 5])
            #expect(after == ["4", "5"])
        }
    }

    @Test func `tasks map too`() async throws {
        let pool = try ProcessPool(workers: 2)
        let values = try await pool.map(Twice.self, Array(0..<100))
        #expect(values == (0..<100).map { $0 * 2 })
        var sum = 0
        for try await value in try pool.lazyMap(Twice.self, 0..<100) { sum += value }
        #expect(sum == 9_900)
        pool.close()
        try await pool.join()
    }

    // MP-062
    @Test(arguments: [1, 7])
    func `results come lazily and in order`(_ size: Int) async throws {
        let taken = Box(0)
        try await withPool { pool in
            let inputs = (0...).lazy.map { number in
                taken.set(number + 1)
                return number
            }
            let results = try pool.lazyMap(Twice.self, inputs, chunkSize: size)
            #expect(taken.value == 0)
            for number in 0..<50 {
                let value = try results.next()
                #expect(value == number * 2)
                // An endless sequence is taken a little ahead only.
                #expect(taken.value <= number + 1 + 5 * size)
            }
        }
    }

    @Test func `results end with the inputs`() async throws {
        let values = try await withPool { pool in
            let results = try pool.lazyMap(Twice.self, [1, 2, 3], chunkSize: 2)
            var values: [Int?] = []
            for _ in 0..<5 { values.append(try results.next()) }
            return values
        }
        #expect(values == [2, 4, 6, nil, nil])
    }

    // MP-064
    @Test func `results in no order come as they come`() async throws {
        let values = try await withPool { pool in
            // Neither is to wait for a worker that starts.
            while pool.statistics.workers < 2 { Strand.yield() }
            let results = try pool.lazyMap(Nap.self, [400, 1], isOrdered: false)
            return [try results.next(), try results.next(), try results.next()]
        }
        #expect(values == [1, 400, nil])
    }

    // MP-063, MP-065
    @Test func `results before an error are given out, and those after it still can be`()
        async throws
    {
        try await withPool { pool in
            let results = try pool.lazyMap(Odd.self, 12...14)
            let first = try results.next()
            #expect(first == "12")
            #expect(throws: Refused(number: 13)) { try results.next() }
            let (third, end) = (try results.next(), try results.next())
            #expect(third == "14" && end == nil)
        }
    }

    @Test func `what cannot be given to a closed pool comes after the results that it has`()
        async throws
    {
        try await onThread {
            let pool = try ProcessPool(workers: 1)
            let results = try pool.lazyMap(Twice.self, 0..<10)
            let first = try results.next()
            pool.close()
            // Two chunks were under way for the one worker.
            let second = try results.next()
            #expect(first == 0 && second == 2)
            for _ in 0..<2 { #expect(throws: ProcessPoolError.closed) { try results.next() } }
            try pool.join()
        }
    }

    @Test func `a cancelled asker loses no input`() async throws {
        try await onThread {
            let pool = try ProcessPool(workers: 1, queueCapacity: 1)
            let stopped = try pool.submit(Fate.self, "stop")
            let results = try pool.lazyMap(Twice.self, 0..<3)
            Strand.current.cancel()
            #expect(throws: CancellationError.self) { try results.next() }
            while !(pool.pids.first.map { processState($0) == "T" } ?? false) { Strand.yield() }
            kill(pool.pids[0], SIGCONT)
            try stopped.result()
            var values: [Int] = []
            while let value = try results.next() { values.append(value) }
            #expect(values == [0, 2, 4])
            pool.close()
            try pool.join()
        }
    }

    @Test func `an input that cannot be encoded is told of once, after earlier results`()
        async throws
    {
        try await withPool { pool in
            let inputs = [Bomb(), Bomb(.encoding, .throwing), Bomb()]
            let results = try pool.lazyMap(Echo<Bomb>.self, inputs)
            let first = try results.next()
            #expect(throws: Bomb.Failure()) { try results.next() }
            let (second, end) = (try results.next(), try results.next())
            #expect(first == Bomb() && second == Bomb() && end == nil)
        }
    }

    // FU-037
    @Test func `chunks of no input trap`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            let pool = try ProcessPool(workers: 1)
            _ = try await pool.map(Twice.self, [1], chunkSize: 0)
        }
        let said = text(result?.standardErrorContent ?? [])
        #expect(said.contains("a chunk of 0 inputs; give 1 or more"))
    }
}
