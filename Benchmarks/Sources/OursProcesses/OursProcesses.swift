import Glibc
import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitStrands
import PlaitSync

/// Measures one of the figures of processes and prints it: `ours-processes apply`.
///
/// Does not use Foundation, which takes its children longer to load than everything else.
@main
struct OursProcesses {
    private static let subjects: [String: @Sendable () throws -> Figure] = [
        "fork": { try startAndJoin(.fork, 500) },
        "fork-server": { try startAndJoin(.forkServer, 500) },
        "spawn": { try startAndJoin(.spawn, 100) },
        "one-by-one": oneByOne, "mapped": mapped, "apply": apply,
        "queue": smallItems, "queue-large": largeItems,
    ]

    static func main() throws {
        guard let subject = CommandLine.arguments.dropFirst().first, let measure = subjects[subject]
        else {
            print("usage: ours-processes", subjects.keys.sorted().joined(separator: "|"))
            exit(64)
        }
        switch try measure() {
        case .nanoseconds(let ns): print("{\"ns\": \(ns)}")
        case .value(let value): print("{\"value\": \(value)}")
        }
    }
}

private enum Figure {
    case nanoseconds(Double)
    /// Milliseconds.
    case value(Double)
}

/// Nanoseconds for each of `count`.
private func time(_ count: Int, _ body: () throws -> Void) rethrows -> Figure {
    let start = Deadline.now.nanoseconds
    try body()
    return .nanoseconds(Double(Deadline.now.nanoseconds - start) / Double(count))
}

private struct WrongItem: Error {}

enum Increment: ProcessFunction {
    static func run(_ number: Int) throws -> Int { number &+ 1 }
}

/// A process that runs a function, from its start to its result, in milliseconds.
private func startAndJoin(_ method: StartMethod, _ count: Int) throws -> Figure {
    // The first start also starts the helper, which is not measured.
    try spawn(.process, Increment.self, 0, method: method).join()
    let each = try time(count) {
        for number in 0..<count {
            try spawn(.process, Increment.self, number, method: method).join()
        }
    }
    guard case .nanoseconds(let nanoseconds) = each else { return each }
    return .value(nanoseconds / 1e6)
}

/// Makes a pool of two workers, and waits until they are there.
private func withWorkers(_ body: (ProcessPool) throws -> Figure) throws -> Figure {
    try withProcessPool(workers: 2) { pool in
        while pool.statistics.workers < 2 { try Strand.sleep(for: .milliseconds(1)) }
        _ = try pool.map(Increment.self, Array(0..<1_000), chunkSize: 1)
        return try body(pool)
    }
}

/// Gives tasks to a pool of two one by one; nanoseconds for each.
@Sendable private func oneByOne() throws -> Figure {
    try withWorkers { pool in
        let count = 400_000
        return try time(count) {
            var futures: [Future<Int>] = []
            futures.reserveCapacity(count)
            for number in 0..<count { futures.append(try pool.submit(Increment.self, number)) }
            for future in futures { try future.result() }
        }
    }
}

/// Gives tasks to a pool of two in chunks; nanoseconds for each.
@Sendable private func mapped() throws -> Figure {
    try withWorkers { pool in
        let numbers = Array(0..<10_000_000)
        return try time(numbers.count) { _ = try pool.map(Increment.self, numbers) }
    }
}

enum ProduceNumbers: ProcessFunction {
    struct Plan: Codable, Sendable {
        let queue: ProcessQueue<Int>
        let count: Int
    }

    static func run(_ plan: Plan) throws -> Nothing {
        for number in 0..<plan.count { try plan.queue.put(number) }
        return Nothing()
    }
}

/// Passes numbers from one process to another; nanoseconds for each.
@Sendable private func smallItems() throws -> Figure {
    let count = 5_000_000
    let queue = try ProcessQueue<Int>()
    let producer = try spawn(
        .process, ProduceNumbers.self, .init(queue: queue, count: count))
    _ = try queue.get()
    let figure = try time(count - 1) {
        for expected in 1..<count {
            guard try queue.get() == expected else { throw WrongItem() }
        }
    }
    try producer.join()
    return figure
}

enum ProduceBytes: ProcessFunction {
    struct Plan: Codable, Sendable {
        let queue: ProcessQueue<[UInt8]>
        let size: Int
        let count: Int
    }

    static func run(_ plan: Plan) throws -> Nothing {
        let item = [UInt8](repeating: 7, count: plan.size)
        for _ in 0..<plan.count { try plan.queue.put(item) }
        return Nothing()
    }
}

/// Passes items of a mebibyte from one process to another; nanoseconds for each.
@Sendable private func largeItems() throws -> Figure {
    let count = 4_000
    let queue = try ProcessQueue<[UInt8]>(bytes: 1 << 23)
    let producer = try spawn(
        .process, ProduceBytes.self, .init(queue: queue, size: 1 << 20, count: count))
    _ = try queue.get()
    let figure = try time(count - 1) {
        for _ in 1..<count {
            guard try queue.get().count == 1 << 20 else { throw WrongItem() }
        }
    }
    try producer.join()
    return figure
}

/// Gives one task and waits for its value; nanoseconds.
@Sendable private func apply() throws -> Figure {
    try withProcessPool(workers: 1) { pool in
        _ = try pool.map(Increment.self, Array(0..<1_000), chunkSize: 1)
        return try time(50_000) {
            for number in 0..<50_000 { _ = try pool.apply(Increment.self, number) }
        }
    }
}
