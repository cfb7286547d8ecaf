import MicroSupport
import Plait

/// Measures one of the figures of processes and prints it: `ours-processes apply`.
@main
struct OursProcesses {
    static func main() {
        measureSubject([
            "fork": { try startAndJoin(.fork, 500) },
            "fork-server": { try startAndJoin(.forkServer, 500) },
            "spawn": { try startAndJoin(.spawn, 100) },
            "one-by-one": oneByOne, "mapped": mapped, "apply": apply,
        ])
    }
}

enum Increment: ProcessFunction {
    static func run(_ number: Int) throws -> Int { number &+ 1 }
}

/// A process that runs a function, from its start to its result, in milliseconds.
private func startAndJoin(_ method: StartMethod, _ count: Int) throws -> Figure {
    // What is started once is none of this.
    try spawn(.process, Increment.self, 0, method: method).join()
    let each = try time(count) {
        for number in 0..<count {
            try spawn(.process, Increment.self, number, method: method).join()
        }
    }
    guard case .nanoseconds(let nanoseconds) = each else { return each }
    return .value(nanoseconds / 1e6)
}

/// A pool of two whose workers are there.
private func withWorkers(_ body: (ProcessPool) throws -> Figure) throws -> Figure {
    try withProcessPool(workers: 2) { pool in
        while pool.statistics.workers < 2 { try Strand.sleep(for: .milliseconds(1)) }
        _ = try pool.map(Increment.self, Array(0..<1_000), chunkSize: 1)
        return try body(pool)
    }
}

/// Tasks given to a pool of two one by one, nanoseconds each.
private func oneByOne() throws -> Figure {
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

/// Tasks given to a pool of two in chunks, nanoseconds each.
private func mapped() throws -> Figure {
    try withWorkers { pool in
        let numbers = Array(0..<10_000_000)
        return try time(numbers.count) { _ = try pool.map(Increment.self, numbers) }
    }
}

/// A task given and its value waited for, nanoseconds.
private func apply() throws -> Figure {
    try withProcessPool(workers: 1) { pool in
        _ = try pool.map(Increment.self, Array(0..<1_000), chunkSize: 1)
        return try time(50_000) {
            for number in 0..<50_000 { _ = try pool.apply(Increment.self, number) }
        }
    }
}
