import Testing
import TestSupport

/// Every interleaving of a few puts and gets, some of which give up, on a ring.
struct RingModelTests {
    private struct Result {
        var states = 0
        var complaints: Set<String> = []
    }

    private func explore(_ start: RingModel) -> Result {
        var result = Result()
        var seen: Set<RingModel> = [start]
        var open = [start]
        while let model = open.popLast() {
            result.states += 1
            let movable = model.strands.indices.filter { model.canStep($0) }
            if let complaint = model.complaint ?? check(model, hasEnded: movable.isEmpty) {
                result.complaints.insert(complaint)
                continue
            }
            for number in movable {
                var next = model
                next.step(number)
                if seen.insert(next).inserted { open.append(next) }
            }
        }
        return result
    }

    /// What is wrong with a state: always, or when no strand can go on.
    private func check(_ model: RingModel, hasEnded: Bool) -> String? {
        let count = model.tail >> 1 - model.head >> 1
        if count < 0 { return "the head passed the tail" }
        if count > RingModel.slots { return "more items than slots" }
        // A waiter that can give up is no excuse for leaving it there.
        let isAtRest =
            model.holder == nil
            && model.strands.allSatisfy { $0.step == .wait || $0.step == .end }
        if hasEnded && !isAtRest { return "strands wait for each other" }
        guard isAtRest else { return nil }
        let waiters = model.strands.indices.filter { model.strands[$0].step == .wait }
        if waiters.contains(where: { !model.strands[$0].isPutter }) && count > 0 {
            return "a getter waits beside an item"
        }
        if waiters.contains(where: { model.strands[$0].isPutter }) && count < model.capacity {
            return "a putter waits beside a free place"
        }
        if Set(model.getters + model.putters) != Set(waiters) { return "a waiter is not queued" }
        let put = model.strands.indices.filter {
            model.strands[$0].isPutter && model.strands[$0].item == nil
        }
        let got = model.strands.filter { !$0.isPutter }.compactMap(\.item)
        let left = model.items.compactMap { $0 }
        let all = put + (0..<model.filled).map { 100 + $0 }
        if (got + left).sorted() != all { return "an item was lost or doubled" }
        if left.count != count { return "the count is wrong" }
        return nil
    }

    typealias Roles = [RingModel.Role]
    static let casts: [Roles] = [
        [.put, .put, .get, .getOrGiveUp],
        [.put, .put, .get, .putOrGiveUp],
        [.put, .get, .get, .getOrGiveUp],
        [.putOrGiveUp, .put, .get, .get],
    ]

    @Test(
        .enabled(if: exploresAll, "explored to the end in release builds"), arguments: casts,
        [1, 2])
    func `no interleaving loses an item or a wakeup`(_ roles: Roles, _ capacity: Int) {
        for filled in [0, capacity] {
            let result = explore(
                RingModel(roles, capacity: capacity, filled: filled, fault: nil))
            #expect(result.complaints.isEmpty)
            #expect(result.states > 1_000)
        }
    }

    @Test(arguments: RingModel.Fault.allCases)
    func `the exploration finds mistakes`(_ fault: RingModel.Fault) {
        for roles in [[.put, .get, .getOrGiveUp], [.put, .put, .get]] as [Roles] {
            for capacity in 1...2 {
                for filled in 0...capacity {
                    let model = RingModel(roles, capacity: capacity, filled: filled, fault: fault)
                    if !explore(model).complaints.isEmpty { return }
                }
            }
        }
        Issue.record("\(fault) went unnoticed")
    }
}
