public import PlaitPlatform
public import Synchronization

extension Parking {
    /// Waits for some microseconds without suspending the task. If the task's partner runs on
    /// another processor, this is often quicker than suspending.
    ///
    /// The wait is queued like any other, but listings of waits do not show it, and a cancellation
    /// does not end it before its limit. A task that has to suspend afterwards queues again, behind
    /// others.
    /// - Parameter history: Tells whether spinning has paid lately, and counts how this wait ends.
    /// - Returns: How the wait ended; nil when the caller must suspend.
    @inlinable
    public static func spin(
        on target: WaitTarget,
        slot: UnsafeMutableRawPointer?,
        history: SpinHistory,
        enrol: (Waiter) -> Bool,
        withdraw: (Waiter) -> Void
    ) -> WaitOutcome? {
        guard history.isPromising() else { return nil }
        var node = unsafe WaiterNode(
            parker: .passUnretained(SpinParker.shared), target: target, slot: slot)
        return unsafe withUnsafeMutablePointer(to: &node) { pointer in
            let waiter = unsafe Waiter(pointer)
            guard enrol(waiter) else { return .woken }
            let isReleased = SpinPolicy.task.spin(until: { waiter.isReleased })
            history.note(isReleased)
            if !isReleased {
                if waiter.settle(.timedOut) {
                    withdraw(waiter)
                    return nil
                }
                // Another thread settled the wait first and is about to release it.
                spinUntil { waiter.isReleased }
            }
            return waiter.outcome
        }
    }
}

extension Waiter {
    // .acquiring pairs with the .releasing store in SpinParker.
    @usableFromInline
    var isReleased: Bool { unsafe node.pointee.isReleased.load(ordering: .acquiring) }
}

/// Lets a spinning task go on.
@usableFromInline
final class SpinParker: Parker, @unchecked Sendable {
    // Sendable: has no state.
    @usableFromInline static let shared = SpinParker()

    override func unpark(_ waiter: Waiter) {
        // The last access: the node may be gone after it.
        unsafe waiter.node.pointee.isReleased.store(true, ordering: .releasing)
    }
}

/// Records whether spinning before a suspension has paid lately. While it keeps failing, only one
/// wait of 64 spins.
public final class SpinHistory: Sendable {
    /// How many spins may still fail. Below zero: how many waits go without a spin. Threads count
    /// without exclusion, since a lost count does no harm.
    @usableFromInline let credit = Atomic<Int>(most)

    public init() {}

    private static let most = 16

    @inlinable
    func isPromising() -> Bool {
        let credit = self.credit.load(ordering: .relaxed)
        // On a hub's thread the partner may be a fiber of the same thread, which spinning would
        // delay.
        if credit >= 0 { return SpinPolicy.task.isAllowed }
        self.credit.store(credit + 1, ordering: .relaxed)
        return false
    }

    @usableFromInline
    func note(_ hasPaid: Bool) {
        let credit = self.credit.load(ordering: .relaxed)
        if !hasPaid {
            self.credit.store(credit > 1 ? credit - 2 : -63, ordering: .relaxed)
        } else if credit < SpinHistory.most {
            // Write only when the value changes, since partners on other processors read this cache
            // line.
            self.credit.store(credit + 1, ordering: .relaxed)
        }
    }
}
