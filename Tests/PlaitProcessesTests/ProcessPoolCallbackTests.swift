import PlaitParking
@testable import PlaitProcesses
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

/// Decoded in the parent, it asks the pool for something.
struct Asking: Codable, Sendable {
    static let pool = Box<ProcessPool?>(nil)
    let number: Int
    let twice: Int?

    enum Key: CodingKey { case number }

    init(_ number: Int) { (self.number, twice) = (number, nil) }

    init(from decoder: any Decoder) throws {
        let number = try decoder.container(keyedBy: Key.self).decode(Int.self, forKey: .number)
        self.number = number
        twice = try Self.pool.value.map { try $0.apply(Twice.self, number) }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(number, forKey: .number)
    }
}

enum Ask: ProcessFunction {
    static func run(_ number: Int) throws -> Asking { Asking(number) }
}

/// The user's code that runs when an item of a pool is done.
@Suite(.timeLimit(.hang))
struct ProcessPoolCallbackTests {
    private func withPool<Result: Sendable>(
        workers: Int = 2, _ body: @escaping @Sendable (ProcessPool) throws -> Result
    ) async throws -> Result {
        try await onThread { try withProcessPool(workers: workers, body) }
    }

    @Test func `a callback may use the pool, and wait for it`() async throws {
        let seen = Box<[Int]>([])
        let isOver = Event()
        try await withPool { pool in
            try pool.submit(Twice.self, 1).onCompletion { future in
                let first = try pool.apply(Twice.self, try future.result())
                let inner = try pool.submit(Twice.self, first)
                inner.onCompletion { future in
                    let last = try future.result()
                    seen.update { $0.append(last + 1) }
                    isOver.set()
                }
                let second = try inner.result()
                seen.update { $0.append(second) }
            }
            try isOver.wait()
        }
        // The inner callback has its turn when the outer one has ended. If the item was done before
        // the callback was registered, the callback runs at once.
        #expect(seen.value.sorted() == [8, 9])
    }

    @Test func `a callback that waits holds up no other item`() async throws {
        let gate = Event()
        let isHeld = Event()
        try await withPool { pool in
            try pool.submit(Twice.self, 1).onCompletion { _ in
                isHeld.set()
                gate.waitUncancellably()
            }
            try isHeld.wait()
            let values = try (0..<100).map { try pool.submit(Twice.self, $0) }
            let sums = try values.map { try $0.result() }
            #expect(sums == (0..<100).map { 2 * $0 })
            gate.set()
        }
    }

    @Test func `callbacks run one at a time, in the order of the answers, and before join returns`()
        async throws
    {
        let seen = Box<[Int]>([])
        let running = Box(0)
        try await withPool(workers: 1) { pool in
            // Those who wait in apply take answers too.
            let helper = spawn(.thread) { for _ in 0..<200 { _ = try pool.apply(Twice.self, 1) } }
            for number in 0..<500 {
                try pool.submit(Twice.self, number).onCompletion { future in
                    running.update { $0 += 1 }
                    #expect(running.value == 1)
                    let value = try future.result()
                    seen.update { $0.append(value) }
                    running.update { $0 -= 1 }
                }
            }
            try helper.join()
        }
        #expect(seen.value == (0..<500).map { 2 * $0 })
    }

    @Test func `callbacks of items that fail run too`() async throws {
        let seen = Box<[String]>([])
        try await onThread {
            let pool = try ProcessPool(workers: 1)
            for how in ["kill", "stop", "well"] {
                let future = try pool.submit(Fate.self, how)
                future.onCompletion { future in
                    let error = try future.error()
                    seen.update { $0.append("\(error.map { type(of: $0) } as Any)") }
                }
                if how == "kill" { _ = try future.error() }
            }
            pool.terminate()
            try pool.join()
        }
        #expect(
            seen.value == [
                "Optional(PlaitProcesses.WorkerCrashed)",
                "Optional(PlaitProcesses.ProcessPoolError)",
                "Optional(PlaitProcesses.ProcessPoolError)",
            ])
    }

    @Test func `a value that uses the pool while it is decoded holds up nothing`() async throws {
        let twices = try await withPool { pool in
            Asking.pool.set(pool)
            defer { Asking.pool.set(nil) }
            let futures = try (0..<20).map { try pool.submit(Ask.self, $0) }
            return try futures.map { try $0.result().twice }
        }
        #expect(twices == (0..<20).map { 2 * $0 })
    }
}
