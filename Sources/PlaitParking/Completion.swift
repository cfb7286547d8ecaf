package import PlaitPlatform
internal import Synchronization

/// A one-way door: closed, then open for ever. What joining a strand waits on.
package final class Completion: @unchecked Sendable {
    // Sendable: `waiters` is guarded by `guardLock`, `done` is atomic.
    private let done = Atomic<Bool>(false)
    private let guardLock = ShortLock()
    private var waiters = WaitQueue()

    package init() {}

    // .acquiring pairs with the .releasing store in finish(): a strand's result is visible.
    package var isDone: Bool { done.load(ordering: .acquiring) }

    /// Opens the door and lets everyone go on who waits at it.
    package func finish() {
        guardLock.lock()
        done.store(true, ordering: .releasing)
        let claimed = waiters.claimAll()
        guardLock.unlock()
        claimed.unparkAll()
    }

    private func enrol(_ waiter: Waiter) -> Bool {
        guardLock.withLock {
            if isDone { return false }
            waiters.append(waiter)
            return true
        }
    }

    private func withdraw(_ waiter: Waiter) {
        _ = guardLock.withLock { waiters.remove(waiter) }
    }

    package func wait(
        on object: AnyObject, until deadline: Deadline, isCancellable: Bool = true
    ) throws(CancellationError) -> Bool {
        if isDone { return true }
        let outcome = Parking.block(
            on: WaitTarget("Strand.join", object), until: deadline, isCancellable: isCancellable,
            enrol: enrol, withdraw: withdraw)
        return try outcome.wasWoken()
    }

    package func wait(
        on object: AnyObject, until deadline: Deadline
    ) async throws(CancellationError) -> Bool {
        if isDone { return true }
        let outcome = await Parking.suspend(
            on: WaitTarget("Strand.join", object), until: deadline, enrol: enrol,
            withdraw: withdraw)
        return try outcome.wasWoken()
    }
}
