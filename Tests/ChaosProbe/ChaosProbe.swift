internal import Glibc
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync

/// Pools and queues under a saboteur, in a program of its own, so that what is left of them can be
/// counted.
///
///     ChaosProbe ITEMS
@main
struct ChaosProbe {
    static func main() throws {
        let items = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 100_000
        // What is started once and stays: the helper that forks, the thread for children, and so
        // on.
        try PoolChaos.run(items: 100, saysSo: false)
        try QueueChaos.run(items: 100, saysSo: false)
        let before = try Census.settled()
        try PoolChaos.run(items: items)
        try QueueChaos.run(items: items)
        let after = try Census.settled()
        print(after == before ? "nothing is left" : "before \(before), after \(after)")
        if after != before { print(try Files.open().joined(separator: "\n")) }
    }
}

/// What could be left.
struct Census: Equatable {
    var descriptors: Int
    var children: Int
    var threads: Int
    var sharedMaps: Int

    /// Once nothing changes any more: threads and processes that were told to end do so soon, but
    /// not at once.
    static func settled() throws -> Census {
        var last = try take()
        var quiet = 0
        while quiet < 10 {
            try Strand.sleep(for: .milliseconds(20))
            let next = try take()
            quiet = next == last ? quiet + 1 : 0
            last = next
        }
        return last
    }

    private static func take() throws -> Census {
        let files = try Files.names(in: "/proc/self/fd").count
        var children = 0
        for task in try Files.names(in: "/proc/self/task") {
            let list = (try? Files.text("/proc/self/task/\(task)/children")) ?? ""
            children += list.split(separator: " ").count
        }
        let maps = try Files.text("/proc/self/maps").split(separator: "\n")
        return Census(
            descriptors: files, children: children, threads: try Processes.threadCount(),
            sharedMaps: maps.count { $0.contains("memfd:plait") || $0.contains("memfd:pool") })
    }
}

enum Files {
    static func names(in path: String) throws -> [String] {
        guard let directory = unsafe opendir(path) else { throw Failure(path) }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    /// What this process has open.
    static func open() throws -> [String] {
        try names(in: "/proc/self/fd").map { number in
            var target = [UInt8](repeating: 0, count: 256)
            let count = unsafe target.withUnsafeMutableBytes {
                unsafe readlink("/proc/self/fd/\(number)", $0.baseAddress!, 256)
            }
            return "\(number) \(String(decoding: target.prefix(max(count, 0)), as: UTF8.self))"
        }
    }

    static func text(_ path: String) throws -> String {
        guard let file = unsafe fopen(path, "r") else { throw Failure(path) }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe fread(&chunk, 1, chunk.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ path: String) { description = "cannot read \(path)" }
    }
}

/// Doubles a number, or does what it should not.
enum Work: ProcessFunction {
    enum Deed: String, Codable, Sendable { case none, trap, hoard, hang }
    struct Order: Codable, Sendable {
        let number: Int
        let deed: Deed
    }

    static func run(_ order: Order) throws -> Int {
        switch order.deed {
        case .none: break
        case .trap: fatalError("on purpose")
        case .hoard: return [UInt8](repeating: 1, count: 4 << 30).count
        case .hang: while true { sched_yield() }
        }
        return 2 * order.number
    }
}

/// Numbers that are the same in every run.
struct Dice {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func roll(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }
}
