@testable import PlaitParking
import Synchronization

/// A wait of nobody, which counts how often it is unparked.
@safe
final class FakeWaiter: Parker, @unchecked Sendable {
    // Sendable: `node` is constant, and what it points to has the guards named at WaiterNode.
    private let node: UnsafeMutablePointer<WaiterNode>
    private let count = Atomic<Int>(0)

    init(_ outcome: WaitOutcome = .pending) {
        unsafe node = .allocate(capacity: 1)
        super.init()
        unsafe node.initialize(
            to: WaiterNode(
                parker: .passUnretained(self), target: WaitTarget("Fake.wait"), slot: nil))
        if outcome != .pending { _ = waiter.settle(outcome) }
    }

    deinit {
        unsafe node.deinitialize(count: 1)
        unsafe node.deallocate()
    }

    var waiter: Waiter { unsafe Waiter(node) }
    var unparks: Int { count.load(ordering: .relaxed) }

    override func unpark(_ waiter: Waiter) { count.wrappingAdd(1, ordering: .relaxed) }
}
