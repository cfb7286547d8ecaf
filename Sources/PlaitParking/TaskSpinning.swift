public import PlaitPlatform
public import Synchronization

extension Parking {
    /// Waits for some microseconds without suspending, for a task whose partner may be running on
    /// another processor: that is often quicker than suspending is.
    ///
    /// Such a wait is queued as any other, but it is not seen by who looks who waits, and a
    /// cancellation ends it only with the limit. Who then has to suspend queues anew, behind
    /// others.
    /// - Parameter history: Whether it is worth it; counts what comes of it.
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
                // Who was quicker to settle it is about to release it.
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

/// Whether it has paid lately that tasks spun before they suspended. Where it keeps failing, one
/// wait of 64 spins.
public final class SpinHistory: Sendable {
    /// Spins that may fail; below zero, waits that are not to spin. Counted without exclusion: a
    /// count that is lost does no harm.
    @usableFromInline let credit = Atomic<Int>(most)

    public init() {}

    private static let most = 16

    @inlinable
    func isPromising() -> Bool {
        let credit = self.credit.load(ordering: .relaxed)
        // On a hub's thread the partner is as likely there, which spinning would only delay.
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
            // Not written for nothing: partners on other processors read it.
            self.credit.store(credit + 1, ordering: .relaxed)
        }
    }
}
