import Glibc
import PlaitParking
import PlaitStrands
import Synchronization
import Testing
import TestSupport

private let stressFactor: Double = {
    guard let text = unsafe getenv("PLAIT_STRESS") else { return 1 }
    return unsafe Double(String(cString: text)) ?? 1
}()

/// The time limit of each test.
private let stressMinutes = max(10, Int(stressFactor * 2))

/// All stress tests, one after another: each wants the processors for itself.
///
/// The environment variable `PLAIT_STRESS` multiplies their rounds.
@Suite(.serialized, .timeLimit(.minutes(stressMinutes)))
enum Stress {
    /// Whether all the time is to be taken, as by `make stress`.
    static let isLong = stressFactor >= 10

    /// So many in release, a part of them in debug.
    static func rounds(_ count: Int) -> Int {
        #if DEBUG
            max(1, Int(Double(count) * stressFactor / 4))
        #else
            max(1, Int(Double(count) * stressFactor))
        #endif
    }

    /// A limit for a round: passed already, passing just now, or a little later.
    static func limit(_ round: Int) -> Duration {
        [.zero, .nanoseconds(1), .microseconds(1), .microseconds(20), .microseconds(70)][round % 5]
    }

    /// How many of a kind take part: enough to keep the wakers busy.
    static func crowd(_ kind: WaiterKind) -> Int { kind == .thread ? 2 : 8 }

    /// Passes a little time, of a length that changes from round to round.
    static func dawdle(_ round: Int) {
        for _ in 0..<(round &* 7_919 % 64) { hint.wrappingAdd(1, ordering: .relaxed) }
    }
    private static let hint = Atomic<Int>(0)

    @available(*, noasync)
    static func pause() { Strand.yield() }
    static func pause() async { await Task.yield() }
}

/// A number that strands count up together.
final class Count: Sendable {
    private let number = Atomic<Int>(0)
    var value: Int { number.load(ordering: .acquiring) }
    func add(_ amount: Int = 1) { number.wrappingAdd(amount, ordering: .acquiringAndReleasing) }
}

/// A strand that waits again and again, or a task after a task, to be cancelled by others.
final class Victim: Sendable {
    let kind: WaiterKind
    /// Rounds that have begun.
    let begun = Count()
    /// Cancels who waits in the present round.
    private let cancelPresent = Box<(@Sendable () -> Void)?>(nil)

    init(_ kind: WaiterKind) { self.kind = kind }

    func cancel() {
        if let cancel = cancelPresent.value { cancel() }
    }

    /// Runs a round after another, until `isDone`.
    func run(
        until isDone: @escaping @Sendable (Int) -> Bool,
        _ blocking: @escaping @Sendable () throws -> Void,
        task suspending: @escaping @Sendable () async throws -> Void
    ) async throws {
        if kind == .task {
            var round = 0
            while !isDone(round) {
                let task = Task.detached { [round] in
                    // Not before it can be cancelled.
                    while self.begun.value == round { await Stress.pause() }
                    try await suspending()
                }
                cancelPresent.set { task.cancel() }
                begun.add()
                try await withTaskCancellationHandler {
                    try await task.value
                } onCancel: {
                    task.cancel()
                }
                round += 1
            }
            return
        }
        let mayBegin = Count()
        let strand = kind.start(
            {
                while mayBegin.value == 0 { Stress.pause() }
                var round = 0
                while !isDone(round) {
                    self.begun.add()
                    try blocking()
                    round += 1
                }
            }, task: {})
        cancelPresent.set { strand.cancel() }
        mayBegin.add()
        try await strand.value()
    }
}
