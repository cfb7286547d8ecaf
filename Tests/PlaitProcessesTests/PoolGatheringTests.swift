import Glibc
import PlaitParking
@testable import PlaitProcesses
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

enum Multiply: ProcessFunction {
    struct Pair: Codable, Sendable {
        let left: Int
        let right: Int
    }

    static func run(_ pair: Pair) throws -> Int { pair.left * pair.right }
}

/// Several inputs with one future.
@Suite(.timeLimit(.hang))
struct PoolGatheringTests {
    private func withPool<Result: Sendable>(
        _ body: @escaping @Sendable (ProcessPool) throws -> Result
    ) async throws -> Result {
        try await onThread { try withProcessPool(workers: 2, body) }
    }

    // MP-057
    @Test(arguments: [nil, 1, 7, 10_000])
    func `several inputs have one future, which calls back once`(_ size: Int?) async throws {
        let calls = Box<[Int]>([])
        let values = try await withPool { pool in
            let future = try pool.submit(Twice.self, each: Array(0..<1_000), chunkSize: size)
            future.onCompletion { future in
                let values = try future.result()
                calls.update { $0.append(values.count) }
            }
            let none = try pool.submit(Twice.self, each: []).result()
            #expect(none.isEmpty)
            return try future.result()
        }
        #expect(values == (0..<1_000).map { 2 * $0 })
        #expect(calls.value == [1_000])
    }

    // MP-056
    @Test func `inputs of several values are structures`() async throws {
        let inputs = (0..<10).map { Multiply.Pair(left: $0, right: $0 + 1) }
        let values = try await withPool { pool in
            try pool.submit(Multiply.self, each: inputs).result()
        }
        #expect(values == (0..<10).map { $0 * ($0 + 1) })
    }

    @Test func `of several inputs the first error is the future's, once all are done`()
        async throws
    {
        try await withPool { pool in
            let future = try pool.submit(Odd.self, each: [1, 17, 13, 2], chunkSize: 1)
            #expect(throws: WorkerCrashed.self) { try future.result() }
            #expect(pool.statistics.completed == 3)
        }
    }

    @Test func `several inputs that are cancelled together never run`() async throws {
        try await onThread {
            let pool = try ProcessPool(workers: 1, queueCapacity: 10)
            let stopped = try pool.submit(Fate.self, "stop")
            let future = try pool.submit(Fate.self, each: ["trap", "trap"], chunkSize: 1)
            #expect(future.cancel())
            while !(pool.pids.first.map { processState($0) == "T" } ?? false) { Strand.yield() }
            kill(pool.pids[0], SIGCONT)
            try stopped.result()
            let value = try pool.apply(Twice.self, 1)
            #expect(value == 2 && pool.statistics.crashed == 0)
            pool.close()
            try pool.join()
            #expect(throws: ProcessPoolError.closed) { try pool.submit(Twice.self, each: [1]) }
        }
    }

    @Test func `tasks have one future of several inputs too`() async throws {
        let pool = try ProcessPool(workers: 2)
        let values = try await pool.submit(Twice.self, each: [1, 2, 3]).result()
        #expect(values == [2, 4, 6])
        pool.close()
        try await pool.join()
    }
}
