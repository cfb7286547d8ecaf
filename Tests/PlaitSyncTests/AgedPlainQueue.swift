import PlaitParking
import TestSupport

/// What a `WaitQueue` does as an `AgedWaiterList`, on an array.
struct AgedPlainQueue: AgedWaiterList {
    private var entries: [(waiter: PlainWaiter, since: UInt64)] = []

    var isEmpty: Bool { entries.isEmpty }
    var numbers: [Int] { entries.map(\.waiter.number) }

    mutating func append(_ waiter: PlainWaiter) {
        insert(waiter, since: entries.last?.since ?? 0)
    }

    mutating func insert(_ waiter: PlainWaiter, since: UInt64) {
        let place = entries.firstIndex { $0.since > since } ?? entries.endIndex
        entries.insert((waiter, since), at: place)
    }

    mutating func claimFirst() -> PlainWaiter? { claimFirst(as: .woken) }

    mutating func claimFirst(as outcome: WaitOutcome) -> PlainWaiter? {
        while !entries.isEmpty {
            let waiter = entries.removeFirst().waiter
            if waiter.outcomes.values[waiter.number] == .pending {
                waiter.outcomes.values[waiter.number] = outcome
                return waiter
            }
        }
        return nil
    }

    mutating func remove(_ waiter: PlainWaiter) -> Bool {
        guard let index = entries.firstIndex(where: { $0.waiter == waiter }) else { return false }
        entries.remove(at: index)
        return true
    }
}
