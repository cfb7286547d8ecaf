import Glibc
import Plait
import PlaitRemote

/// Measures one of the figures of managers and prints it: `ours-managers manager`.
@main
struct OursManagers {
    static func main() throws {
        switch CommandLine.arguments.dropFirst().first {
        case "manager": print("{\"ns\": \(try managed())}")
        case "manager-pipelined": print("{\"ns\": \(try managedPipelined())}")
        default:
            print("usage: ours-managers manager|manager-pipelined")
            exit(64)
        }
    }
}

/// Nanoseconds for each of `count`.
private func time(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
    let start = Deadline.now.nanoseconds
    try body()
    return Double(Deadline.now.nanoseconds - start) / Double(count)
}

/// The manager returned another item than was put in.
private struct WrongItem: Error {}

/// Sets and gets a number in a manager; nanoseconds for each of the two.
private func managed() throws -> Double {
    try withManager { manager in
        let book: ManagedDictionary<String, Int> = try manager.dictionary()
        for number in 0..<1_000 { try book.set("key", number) }
        let count = 50_000
        return try time(2 * count) {
            for number in 0..<count {
                try book.set("key", number)
                guard try book.get("key") == number else { throw WrongItem() }
            }
        }
    }
}

/// Gets numbers from a manager without waiting for each; nanoseconds for each.
private func managedPipelined() throws -> Double {
    try withManager { manager in
        let book: ManagedDictionary<String, Int> = try manager.dictionary(["key": 1])
        for _ in 0..<1_000 { _ = try book.get("key") }
        let count = 500_000
        // As many calls are under way as in a program that reads its answers.
        let window = 1_024
        return try time(count) {
            var futures = try (0..<window).map { _ in try book.submitGet("key") }
            for number in 0..<count {
                guard try futures[number % window].result() == 1 else { throw WrongItem() }
                guard number + window < count else { continue }
                futures[number % window] = try book.submitGet("key")
            }
        }
    }
}
