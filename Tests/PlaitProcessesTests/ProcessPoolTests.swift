import Foundation
import Glibc
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

/// Ends in the way that it is told.
enum Fate: ProcessFunction {
    static let trapLine = #line + 3
    static func run(_ how: String) throws -> String {
        switch how {
        case "trap": fatalError("on purpose")
        case "kill": kill(getpid(), SIGKILL)
        case "segv": unsafe UnsafeMutablePointer<Int>(bitPattern: 8)!.pointee = 1
        case "exit": exit(9)
        case "stop": kill(getpid(), SIGSTOP)
        case "hang": while true { sched_yield() }
        case "throw": throw Refused(number: 1)
        default: break
        }
        return how
    }
}

enum WhoAmI: ProcessFunction {
    static func run(_ milliseconds: Int) throws -> Int32 {
        try Strand.sleep(for: .milliseconds(milliseconds))
        return getpid()
    }
}

/// Crashes so many times, counted in a file.
enum CrashTimes: ProcessFunction {
    struct Plan: Codable, Sendable { let path: String; let times: Int }

    static func run(_ plan: Plan) throws -> Int {
        let url = URL(fileURLWithPath: plan.path)
        let before = (try? Data(contentsOf: url))?.count ?? 0
        try Data(repeating: 1, count: before + 1).write(to: url)
        if before < plan.times { fatalError("crash \(before + 1)") }
        return before
    }
}

enum Prepare: ProcessFunction {
    nonisolated(unsafe) static var word = ""
    static func run(_ text: String) throws -> Nothing {
        if text.isEmpty { throw Plain() }
        unsafe word = text
        return Nothing()
    }
}

enum Prepared: ProcessFunction {
    static func run(_ nothing: Nothing) throws -> String { unsafe Prepare.word }
}

@Suite(.timeLimit(.hang))
struct ProcessPoolTests {
    /// A pool on a thread of its own, which ends with `body`.
    private func withPool<Result: Sendable>(
        workers: Int = 2, method: StartMethod = .forkServer, tasksPerWorker: Int? = nil,
        attempts: Int = 1, _ body: @escaping @Sendable (ProcessPool) throws -> Result
    ) async throws -> Result {
        try await onThread {
            let pool = try ProcessPool(
                workers: workers, method: method, tasksPerWorker: tasksPerWorker,
                attempts: attempts)
            let result = Swift.Result { try body(pool) }
            pool.close()
            try pool.join()
            return try result.get()
        }
    }

    @Test(arguments: [StartMethod.forkServer, .spawn])
    func `what is submitted comes back`(_ method: StartMethod) async throws {
        let sum = try await withPool(method: method) { pool in
            let futures = try (0..<1_000).map { try pool.submit(Twice.self, $0) }
            return try futures.reduce(0) { try $0 + $1.result() }
        }
        #expect(sum == 999_000)
    }

    // MP-054, MP-060, MP-070, FU-012
    @Test func `apply waits for the value, or throws the function's error`() async throws {
        try await withPool { pool in
            let value = try pool.apply(Fate.self, "well")
            #expect(value == "well")
            #expect(throws: Refused(number: 1)) { try pool.apply(Fate.self, "throw") }
            #expect(throws: RemoteError.self) { try pool.apply(Refuse.self, 0) }
        }
    }

    @Test func `tasks submit and wait too`() async throws {
        let pool = try ProcessPool(workers: 1)
        let future = try await pool.submit(Twice.self, 4)
        let (first, second) = (try await future.result(), try await pool.apply(Twice.self, 5))
        #expect(first == 8 && second == 10)
        pool.close()
        try await pool.join()
    }

    // FU-036, FU-011: a crash or exit is its item's error, and breaks no pool.
    @Test(arguments: ["trap", "kill", "segv", "exit"])
    func `a crash fails its item, and the pool goes on`(_ how: String) async throws {
        let (crash, values, statistics) = try await withPool { pool in
            var futures = try (0..<50).map { try pool.submit(Twice.self, $0) }
            let bad = try pool.submit(Fate.self, how)
            futures += try (50..<100).map { try pool.submit(Twice.self, $0) }
            let crash = try #require(throws: WorkerCrashed.self) { try bad.result() }
            return (crash, try futures.map { try $0.result() }, pool.statistics)
        }
        #expect(values == (0..<100).map { $0 * 2 })
        #expect(statistics.crashed == 1)
        switch how {
        case "trap":
            #expect(crash.message == "Fatal error: on purpose")
            #expect(crash.file?.hasSuffix("ProcessPoolTests.swift") == true)
            #expect(crash.line == Fate.trapLine)
        case "kill": #expect(crash.status == .signal(.kill))
        case "segv": #expect(crash.status == .signal(Signal(number: SIGSEGV)))
        default: #expect(crash.status == .code(9))
        }
    }

    // MP-061
    @Test(arguments: ["hang", "stop"])
    func `past its limit an item fails, and only its worker is killed`(_ how: String) async throws {
        try await withPool { pool in
            let bad = try pool.submit(Fate.self, how, timeout: .milliseconds(50))
            let others = try (0..<20).map { try pool.submit(Twice.self, $0) }
            #expect(throws: ProcessPoolError.timedOut(.milliseconds(50))) { try bad.result() }
            let values = try others.map { try $0.result() }
            #expect(values == (0..<20).map { $0 * 2 })
        }
    }

    @Test func `an item is tried again by other workers, then set aside as poisonous`() async throws
    {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(
            "plait-\(UUID().uuidString)"
        ).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let (times, crash) = try await withPool(attempts: 3) { pool in
            let times = try pool.apply(CrashTimes.self, .init(path: path, times: 2))
            let poison = try pool.submit(Fate.self, "trap")
            return (times, try #require(throws: WorkerCrashed.self) { try poison.result() })
        }
        #expect(times == 2)
        #expect(crash.attempts == 3)
        #expect("\(crash)".hasSuffix(", worker number 3 that this item has ended"))
    }

    @Test func `large inputs and answers pass beside small ones`() async throws {
        try await withPool { pool in
            let large = String(repeating: "x", count: 1_000_000)
            let futures = try (0..<20).map {
                try pool.submit(Fate.self, $0 % 3 == 0 ? large : "\($0)")
            }
            for (number, future) in futures.enumerated() {
                let value = try future.result()
                #expect(value == (number % 3 == 0 ? large : "\(number)"))
            }
        }
    }

    @Test func `after so many items a worker is replaced`() async throws {
        let pids = try await withPool(workers: 1, tasksPerWorker: 2) { pool in
            try (0..<6).map { _ in try pool.apply(WhoAmI.self, 0) }
        }
        #expect(Set(pids).count == 3)
        #expect(pids[0] == pids[1] && pids[2] == pids[3] && pids[4] == pids[5])
    }

    // MP-110, FU-035
    @Test func `the initializer runs in each worker, and breaks the pool if it throws`()
        async throws
    {
        try await onThread {
            let pool = try ProcessPool(workers: 2, initializer: Prepare.self, "ready")
            let words = try (0..<4).map { _ in try pool.apply(Prepared.self, Nothing()) }
            #expect(words == Array(repeating: "ready", count: 4))
            pool.close()
            try pool.join()

            let bad = try ProcessPool(workers: 2, initializer: Prepare.self, "")
            let error = try #require(throws: ProcessPoolError.self) {
                try bad.apply(Twice.self, 1)
            }
            guard case .broken(let reason) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(reason.contains("Plain"))
            try bad.join()

            let refusing = try ProcessPool(workers: 1, initializer: Refuse.self, 3)
            #expect(
                throws: ProcessPoolError.broken(
                    reason: "the initializer threw Refused(number: 3)")
            ) {
                try refusing.apply(Twice.self, 1)
            }
            try refusing.join()
        }
    }

    // FU-054
    @Test func `closed it takes no more, and finishes what it has`() async throws {
        try await onThread {
            let pool = try ProcessPool(workers: 2)
            let futures = try (0..<200).map { try pool.submit(Twice.self, $0) }
            pool.close()
            #expect(throws: ProcessPoolError.closed) { try pool.submit(Twice.self, 1) }
            try pool.join()
            #expect(futures.allSatisfy { $0.isDone })
            let values = try futures.map { try $0.result() }
            #expect(values == (0..<200).map { $0 * 2 })
            #expect(pool.pids.isEmpty)
        }
    }

    // MP-067
    @Test func `terminated it ends at once, with thousands of items waiting`() async throws {
        try await onThread {
            let pool = try ProcessPool(workers: 2)
            let futures = try (0..<10_000).map { _ in try pool.submit(WhoAmI.self, 1_000) }
            pool.terminate()
            try pool.join()
            for future in futures {
                #expect(throws: ProcessPoolError.terminated) { try future.result() }
            }
            #expect(throws: ProcessPoolError.terminated) { try pool.submit(Twice.self, 1) }
        }
    }

    @Test func `a full pool makes who submits wait`() async throws {
        try await onThread {
            let pool = try ProcessPool(workers: 1, queueCapacity: 2)
            let first = try pool.submit(WhoAmI.self, 500)
            let second = try pool.submit(WhoAmI.self, 0)
            #expect(throws: TimedOut.self) {
                try pool.submit(Twice.self, 1, within: .zero)
            }
            let third = try pool.submit(Twice.self, 3).result()
            #expect(third == 6)
            #expect(first.isDone && second.isDone)
            pool.terminate()
            try pool.join()
        }
    }

    @Test func `it grows and shrinks`() async throws {
        try await withPool(workers: 1) { pool in
            pool.resize(to: 4)
            while pool.statistics.workers < 4 { Strand.yield() }
            let futures = try (0..<16).map { _ in try pool.submit(WhoAmI.self, 30) }
            let pids = Set(try futures.map { try $0.result() })
            #expect(pids.count > 1)
            pool.resize(to: 1)
            while pool.pids.count > 1 { Strand.yield() }
            let value = try pool.apply(Twice.self, 1)
            #expect(value == 2)
        }
    }

    @Test func `a cancelled item never runs`() async throws {
        try await withPool(workers: 1) { pool in
            let first = try pool.submit(WhoAmI.self, 500)
            let second = try pool.submit(Fate.self, "trap")
            #expect(second.cancel())
            try first.result()
            #expect(throws: FutureError.cancelled) { try second.result() }
            let value = try pool.apply(Twice.self, 1)
            #expect(value == 2)
            #expect(pool.statistics.crashed == 0)
        }
    }

    // MP-058, MP-073
    @Test func `callbacks run in the parent`() async throws {
        let seen = Box(0)
        try await withPool { pool in
            for number in 1...10 {
                try pool.submit(Twice.self, number).onCompletion { future in
                    let value = try future.result()
                    seen.update { $0 += value }
                }
            }
        }
        #expect(seen.value == 110)
    }

    // MP-066
    @Test func `a pool of no worker traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            _ = try ProcessPool(workers: 0)
        }
        let said = text(result?.standardErrorContent ?? [])
        #expect(said.contains("a ProcessPool needs at least 1 worker, not 0"))
    }

    // FU-040, FU-041, FU-042
    @Test func `one idle worker does work after work, and never are there more than asked for`()
        async throws
    {
        try await withPool(workers: 3) { pool in
            let futures = try (0..<300).map { _ in try pool.submit(WhoAmI.self, 0) }
            let pids = Set(try futures.map { try $0.result() })
            #expect(pids.count <= 3 && pool.pids.count <= 3)
        }
    }

    // FU-017
    @Test func `a crash while the pool ends hangs nothing`() async throws {
        try await onThread {
            let pool = try ProcessPool(workers: 2)
            let bad = try pool.submit(Fate.self, "trap")
            let good = try (0..<10).map { try pool.submit(Twice.self, $0) }
            pool.close()
            try pool.join()
            #expect(throws: WorkerCrashed.self) { try bad.result() }
            let values = try good.map { try $0.result() }
            #expect(values == (0..<10).map { $0 * 2 })
        }
    }

    // FU-019
    @Test func `many more items than the shared memory holds`() async throws {
        let values = try await withPool { pool in
            let words = (0..<2_000).map { String(repeating: "\($0 % 10)", count: 3_000) }
            let futures = try words.map { try pool.submit(Echo<String>.self, $0) }
            return zip(words, futures).allSatisfy { word, future in
                (try? future.result()) == word
            }
        }
        #expect(values)
    }

    @Test func `nothing is left of a pool that was let go of`() async throws {
        let pids = try await onThread {
            let pool = try ProcessPool(workers: 2)
            _ = try pool.apply(Twice.self, 1)
            return pool.pids
        }
        try await until { pids.allSatisfy { kill($0, 0) == -1 } }
    }

    // MP-068, FU-055
    @Test func `workers of two processes at once: no zombie, no descriptor is left`() async throws {
        try await onThread {
            func once() throws {
                try withProcessPool(workers: 2) { pool in
                    _ = try (0..<10).map { try pool.apply(Twice.self, $0) }
                    #expect(throws: WorkerCrashed.self) { try pool.apply(Fate.self, "kill") }
                }
            }
            for _ in 0..<3 { try once() }
        }
    }
}
