import PlaitParking
import PlaitPlatform

/// The smallest primitive: each ``open()`` lets one waiter pass.
final class Gate: @unchecked Sendable {
    // Sendable: `guardLock` guards the rest.
    private let guardLock = ShortLock()
    private var waiters = WaitQueue()
    private var openings = 0
    private var enrolments = 0

    /// Waits that came to the queue, or passed there.
    var enrolled: Int { guardLock.withLock { enrolments } }
    var hasWaiters: Bool { guardLock.withLock { !waiters.isEmpty } }
    /// Openings that nobody has used.
    var unused: Int { guardLock.withLock { openings } }

    func open(as outcome: WaitOutcome = .woken) {
        guardLock.lock()
        let waiter = waiters.claimFirst(as: outcome)
        if waiter == nil { openings += 1 }
        guardLock.unlock()
        waiter?.unpark()
    }

    @available(*, noasync)
    func wait(until deadline: Deadline = .never, isCancellable: Bool = true) -> WaitOutcome {
        Parking.block(
            on: WaitTarget("Gate.wait", self), until: deadline, isCancellable: isCancellable,
            enrol: enrol, withdraw: withdraw)
    }

    func wait(until deadline: Deadline = .never) async -> WaitOutcome {
        await Parking.suspend(
            on: WaitTarget("Gate.wait", self), until: deadline, enrol: enrol, withdraw: withdraw)
    }

    func enrol(_ waiter: Waiter) -> Bool {
        guardLock.withLock {
            enrolments += 1
            if openings > 0 {
                openings -= 1
                return false
            }
            waiters.append(waiter)
            return true
        }
    }

    func withdraw(_ waiter: Waiter) {
        guardLock.withLock { _ = waiters.remove(waiter) }
    }
}
