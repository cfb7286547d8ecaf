import PlaitParking

/// How the waits of plain waiters ended, by their numbers. Shared by all copies of a state, so that
/// an exploration must put it back when it returns from a branch.
final class PlainOutcomes {
    var values: [WaitOutcome]
    init(count: Int) { values = Array(repeating: .pending, count: count) }
}

/// A waiter that is a number.
struct PlainWaiter: Equatable, CustomStringConvertible {
    let number: Int
    let outcomes: PlainOutcomes

    static func == (left: PlainWaiter, right: PlainWaiter) -> Bool { left.number == right.number }
    var description: String { "\(number)" }
}

/// What a `WaitQueue` does, on an array.
struct PlainQueue: WaiterList {
    private var waiters: [PlainWaiter] = []

    var isEmpty: Bool { waiters.isEmpty }
    var numbers: [Int] { waiters.map(\.number) }

    mutating func append(_ waiter: PlainWaiter) { waiters.append(waiter) }

    mutating func claimFirst() -> PlainWaiter? {
        while !waiters.isEmpty {
            let waiter = waiters.removeFirst()
            if waiter.outcomes.values[waiter.number] == .pending {
                waiter.outcomes.values[waiter.number] = .woken
                return waiter
            }
        }
        return nil
    }

    mutating func remove(_ waiter: PlainWaiter) -> Bool {
        guard let index = waiters.firstIndex(of: waiter) else { return false }
        waiters.remove(at: index)
        return true
    }
}
