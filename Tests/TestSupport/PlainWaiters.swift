public import PlaitParking

/// How the waits of plain waiters ended, by their numbers. Shared by all copies of a state, so that
/// an exploration must put it back when it returns from a branch.
public final class PlainOutcomes: Hashable {
    public var values: [WaitOutcome]
    public init(count: Int) { values = Array(repeating: .pending, count: count) }

    public static func == (left: PlainOutcomes, right: PlainOutcomes) -> Bool { left === right }
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// A waiter that is a number.
public struct PlainWaiter: Hashable, CustomStringConvertible {
    public let number: Int
    public let outcomes: PlainOutcomes

    public init(number: Int, outcomes: PlainOutcomes) {
        self.number = number
        self.outcomes = outcomes
    }

    public static func == (left: PlainWaiter, right: PlainWaiter) -> Bool {
        left.number == right.number
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(number) }
    public var description: String { "\(number)" }
}

/// What a `WaitQueue` does, on an array.
public struct PlainQueue: WaiterList, Hashable {
    private var waiters: [PlainWaiter] = []

    public init() {}

    public var isEmpty: Bool { waiters.isEmpty }
    public var numbers: [Int] { waiters.map(\.number) }
    public var first: PlainWaiter? { waiters.first }

    public mutating func append(_ waiter: PlainWaiter) { waiters.append(waiter) }

    public mutating func insert(
        _ waiter: PlainWaiter, beforeFirst isYounger: (PlainWaiter) -> Bool
    ) {
        waiters.insert(waiter, at: waiters.firstIndex(where: isYounger) ?? waiters.endIndex)
    }

    public mutating func claimFirst() -> PlainWaiter? { claimFirst(as: .woken) }

    public mutating func claimFirst(as outcome: WaitOutcome) -> PlainWaiter? {
        while !waiters.isEmpty {
            let waiter = waiters.removeFirst()
            if waiter.outcomes.values[waiter.number] == .pending {
                waiter.outcomes.values[waiter.number] = outcome
                return waiter
            }
        }
        return nil
    }

    public mutating func remove(_ waiter: PlainWaiter) -> Bool {
        guard let index = waiters.firstIndex(of: waiter) else { return false }
        waiters.remove(at: index)
        return true
    }
}
