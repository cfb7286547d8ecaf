internal import PlaitParking
internal import PlaitPlatform

/// A number of permits that strands take and give back.
///
/// Waiters are served first come, first served: a permit that is released goes to the oldest waiter,
/// never past it to a strand that comes later.
/// - Source: Python's `threading.Semaphore`.
public final class CountingSemaphore: @unchecked Sendable {
    // Sendable: `guardLock` guards `state`.
    private let guardLock = ShortLock()
    private var state: SemaphoreState<WaitQueue>

    /// - Parameter permits: How many may hold one at the same time; not negative.
    public init(permits: Int) {
        demand(permits >= 0, "a CountingSemaphore needs permits >= 0, not \(permits)")
        state = SemaphoreState(permits: permits)
    }

    /// Permits that nobody holds.
    public var permits: Int { guardLock.withLock { state.permits } }

    /// Takes a permit if one is free. Never waits.
    public func tryAcquire() -> Bool {
        guardLock.withLock { state.tryAcquire() }
    }

    /// Takes a permit, waiting while none is free.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `CancellationError` when the strand is cancelled; no permit is taken then.
    /// - Source: Python's `Semaphore.acquire`.
    @available(*, noasync)
    public func acquire() throws(CancellationError) {
        _ = try acquire(within: nil)
    }

    /// Takes a permit, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Whether a permit was taken.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws(CancellationError) -> Bool {
        if tryAcquire() { return true }
        return try Parking.block(
            on: WaitTarget("CountingSemaphore.acquire", self), until: Deadline(within: limit),
            enrol: enrol, withdraw: withdraw
        ).wasWoken()
    }

    /// Takes a permit, suspending the calling task while none is free.
    public func acquire() async throws(CancellationError) {
        _ = try await acquire(within: nil)
    }

    /// Takes a permit, suspending the calling task at most for `limit`.
    public func acquire(within limit: Duration?) async throws(CancellationError) -> Bool {
        if tryAcquire() { return true }
        return try await Parking.suspend(
            on: WaitTarget("CountingSemaphore.acquire", self), until: Deadline(within: limit),
            enrol: enrol, withdraw: withdraw
        ).wasWoken()
    }

    /// Gives back `count` permits, waking as many waiters. Never blocks.
    public func release(_ count: Int = 1) {
        demand(
            count >= 1, "release of \(count) permits of a CountingSemaphore; give 1 or more")
        guardLock.lock()
        var claimed = ClaimedWaiters()
        for _ in 0..<count {
            if case .wake(let waiter) = state.release() { claimed.append(waiter) }
        }
        guardLock.unlock()
        claimed.unparkAll()
    }

    private func enrol(_ waiter: Waiter) -> Bool {
        guardLock.withLock { !state.acquire(orQueue: waiter) }
    }

    private func withdraw(_ waiter: Waiter) {
        guardLock.withLock { state.withdraw(waiter) }
    }
}

/// The pure state of a ``CountingSemaphore``. While anyone waits, no permit is free.
struct SemaphoreState<Waiters: WaiterList> {
    enum Effect { case none, wake(Waiters.Element) }

    private(set) var permits: Int
    private var waiters = Waiters()

    init(permits: Int) { self.permits = permits }

    mutating func tryAcquire() -> Bool {
        guard permits > 0 else { return false }
        permits -= 1
        return true
    }

    /// Takes a permit for `waiter` and returns true, or queues it.
    mutating func acquire(orQueue waiter: Waiters.Element) -> Bool {
        if tryAcquire() { return true }
        waiters.append(waiter)
        return false
    }

    /// Gives one permit to the oldest waiter, or back.
    mutating func release() -> Effect {
        if let waiter = waiters.claimFirst() { return .wake(waiter) }
        permits += 1
        return .none
    }

    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }
}
