import Glibc
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

/// Takes memory, and keeps it or not, and then waits.
enum Grow: ProcessFunction {
    struct Order: Codable, Sendable {
        let bytes: Int
        var keeps = true
        var rests = false
    }
    nonisolated(unsafe) private static var kept: [UInt8] = []

    static func run(_ order: Order) throws -> Int32 {
        let memory = [UInt8](repeating: 1, count: order.bytes)
        if order.keeps { unsafe kept = memory }
        if order.rests { while true { sched_yield() } }
        return getpid()
    }
}

enum FirstByte: ProcessFunction {
    static func run(_ bytes: [UInt8]) throws -> Int { Int(bytes[0]) + bytes.count }
}

enum Fill: ProcessFunction {
    static func run(_ count: Int) throws -> [UInt8] { [UInt8](repeating: 7, count: count) }
}

/// What items may take, and what of them is large.
@Suite(.timeLimit(.hang))
struct ProcessPoolLimitTests {
    private let megabyte = 1 << 20

    @Test func `a limit beyond the end of the clock is none`() async throws {
        try await onThread {
            try withProcessPool(workers: 1) { pool in
                let pid = try pool.apply(WhoAmI.self, 100, timeout: .seconds(Int64.max))
                #expect(pool.pids == [pid])
            }
        }
    }

    @Test func `no worker does more items than it may, however many it is given ahead`()
        async throws
    {
        let pids = try await onThread {
            let pool = try ProcessPool(workers: 2, tasksPerWorker: 40)
            let futures = try (0..<400).map { _ in try pool.submit(WhoAmI.self, 0) }
            let pids = try futures.map { try $0.result() }
            pool.close()
            try pool.join()
            return pids
        }
        let counts = Dictionary(grouping: pids) { $0 }.mapValues(\.count)
        #expect(counts.values.allSatisfy { $0 <= 40 } && counts.count >= 10)
    }

    @Test func `those killed for their limit are counted`() async throws {
        try await onThread {
            try withProcessPool(workers: 1) { pool in
                let late = try pool.submit(Fate.self, "hang", timeout: .milliseconds(20))
                #expect(throws: ProcessPoolError.timedOut(.milliseconds(20))) { try late.result() }
                #expect(pool.statistics.crashed == 1)
            }
        }
    }

    @Test func `a worker that has grown too large after an item is replaced quietly`()
        async throws
    {
        try await onThread {
            let pool = try ProcessPool(workers: 1, residentLimit: 200 * megabyte)
            // Nobody looks while an item runs.
            pool.core.guardLock.withLock { pool.core.isWatching = true }
            let first = try pool.apply(Grow.self, .init(bytes: megabyte))
            let second = try pool.apply(Grow.self, .init(bytes: 300 * megabyte))
            let third = try pool.apply(Grow.self, .init(bytes: megabyte))
            let fourth = try pool.apply(Grow.self, .init(bytes: megabyte))
            #expect(first == second && third != second && fourth == third)
            #expect(pool.statistics.crashed == 0)
            pool.close()
            try pool.join()
        }
    }

    @Test func `a worker that grows too large while it runs an item is killed, with an error`()
        async throws
    {
        try await onThread {
            let pool = try ProcessPool(workers: 1, residentLimit: 200 * megabyte)
            let bad = try pool.submit(Grow.self, .init(bytes: 300 * megabyte, rests: true))
            let good = try pool.submit(Grow.self, .init(bytes: megabyte))
            #expect(throws: ProcessPoolError.tooLarge(limit: 200 * megabyte)) { try bad.result() }
            try good.result()
            #expect(pool.statistics.crashed == 1)
            pool.close()
            try pool.join()
        }
    }

    @Test func `large inputs reach the items that they belong to`() async throws {
        try await onThread {
            try withProcessPool(workers: 2) { pool in
                // Short ones first, so that workers get several at once.
                for number in 0..<300 { _ = try pool.apply(Twice.self, number) }
                for _ in 0..<10 {
                    let inputs = (0..<30).map { number in
                        let size = number % 3 == 0 ? megabyte : MessageRing.longest + 10
                        return [UInt8](repeating: UInt8(number), count: size + number)
                    }
                    let futures = try inputs.map { try pool.submit(FirstByte.self, $0) }
                    let sums = try futures.map { try $0.result() }
                    #expect(sums == inputs.map { Int($0[0]) + $0.count })
                }
            }
        }
    }

    @Test func `a worker that is killed while it sends a large answer costs that item only`()
        async throws
    {
        try await onThread {
            try withProcessPool(workers: 2) { pool in
                let futures = try (0..<40).map { _ in
                    try pool.submit(Fill.self, 8 * megabyte)
                }
                let isOver = Event()
                let killer = spawn(.thread) {
                    while try !isOver.wait(within: .milliseconds(15)) {
                        for pid in pool.pids.prefix(1) { kill(pid, SIGKILL) }
                    }
                }
                for future in futures {
                    do {
                        let bytes = try future.result()
                        #expect(bytes.count == 8 * megabyte)
                    } catch is WorkerCrashed {}
                }
                isOver.set()
                try killer.join()
            }
        }
    }
}
