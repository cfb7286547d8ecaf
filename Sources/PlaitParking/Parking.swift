public import PlaitPlatform

/// How a strand or a task waits. Every primitive waits through these functions.
///
/// A primitive gives two closures, and both take its lock. `enrol` checks again whether the caller
/// must wait. If not, it does what the caller wanted and returns false; otherwise it queues the
/// waiter and returns true. `withdraw` takes the waiter out of the queue after a time-out or a
/// cancellation.
public enum Parking {
    /// Blocks the calling thread or parks the calling fiber.
    ///
    /// - Parameters:
    ///   - target: What the caller waits for, as reports and debuggers show it.
    ///   - slot: The place where the waker leaves an item or finds one.
    ///   - deadline: When to give up. If it has passed already, the call gives up at once and
    ///     without a switch.
    ///   - isCancellable: False for waits that must not end early.
    ///   - isGroup: Whether `enrol` queues members of a group. When one member is woken the others
    ///     are still queued, so `withdraw` is then called however the wait ended.
    @inlinable
    public static func block(
        on target: WaitTarget,
        slot: UnsafeMutableRawPointer?,
        until deadline: Deadline,
        isCancellable: Bool = true,
        isGroup: Bool = false,
        enrol: (Waiter) -> Bool,
        withdraw: (Waiter) -> Void
    ) -> WaitOutcome {
        let current = unsafe Strand.currentReference
        return unsafe current._withUnsafeGuaranteedRef { strand in
            var node = unsafe WaiterNode(
                parker: Unmanaged<Parker>.fromOpaque(current.toOpaque()), target: target,
                slot: slot)
            return unsafe withUnsafeMutablePointer(to: &node) { pointer in
                let waiter = unsafe Waiter(pointer)
                guard strand.prepare(waiter, isCancellable: isCancellable) else {
                    return .cancelled
                }
                guard enrol(waiter) else {
                    strand.abandon(waiter)
                    return .woken
                }
                strand.park(waiter, until: deadline)
                let outcome = waiter.outcome
                if isGroup || !outcome.isWoken { withdraw(waiter) }
                return outcome
            }
        }
    }
}

extension Parking {
    /// As ``block(on:slot:until:isCancellable:enrol:withdraw:)``, for waits that pass no item.
    @inlinable
    public static func block(
        on target: WaitTarget,
        until deadline: Deadline,
        isCancellable: Bool = true,
        enrol: (Waiter) -> Bool,
        withdraw: (Waiter) -> Void
    ) -> WaitOutcome {
        unsafe block(
            on: target, slot: nil, until: deadline, isCancellable: isCancellable, enrol: enrol,
            withdraw: withdraw)
    }
}

extension WaitOutcome {
    /// True when woken, false when timed out.
    @inlinable
    public func wasWoken() throws(CancellationError) -> Bool {
        switch self {
        case .cancelled: throw CancellationError()
        case .woken, .granted: return true
        case .timedOut, .pending: return false
        }
    }
}
