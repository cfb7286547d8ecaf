import CBenchSupport
import Foundation

/// The work of each thread between two operations on a contended lock.
public struct PrivateWork: Sendable {
    /// How many operations two threads do together.
    public static let operations = 10_000_000

    public let rounds: UInt64

    /// Makes work as long as `--work` in the program's arguments says. Without it, work of 129 ns,
    /// which takes a moment to calibrate.
    public init() {
        let arguments = CommandLine.arguments
        if let place = arguments.firstIndex(of: "--work"), place + 1 < arguments.count,
            let rounds = UInt64(arguments[place + 1])
        {
            self.rounds = rounds
        } else {
            rounds = bench_work_rounds(UInt64(BENCH_WORK_NS))
            let message = "\(BENCH_WORK_NS) ns of private work are \(rounds) rounds\n"
            FileHandle.standardError.write(Data(message.utf8))
        }
    }

    @inlinable
    public func perform() { bench_work(rounds) }
}
