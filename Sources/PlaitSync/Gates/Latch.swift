public import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// A count that goes down to zero once. Strands wait until it is zero.
///
/// Use it for "all of these are done": each strand that has done its part counts down, and need not
/// wait. The latch opens once and stays open. For strands that meet again and again, see
/// ``Barrier``.
/// - Source: Java's `CountDownLatch`, C++'s `std::latch`; Python has none.
public final class Latch: @unchecked Sendable {
    // Sendable: `guardLock` guards `state`; `openFlag` mirrors it for reading without the lock.
    private let guardLock = ShortLock()
    private var state: LatchState<WaitQueue>
    private let openFlag: Atomic<Bool>

    /// - Parameter count: How often strands must count down; not negative. With 0 the latch is
    ///   open.
    /// - Parameter name: Its name in reports; nil: the place of this call.
    public init(
        count: Int, name: String? = nil, file: StaticString = #fileID, line: UInt = #line
    ) {
        label = ObjectLabel(name, file, line)
        demand(count >= 0, "a Latch needs a count >= 0, not \(count)")
        state = LatchState(remaining: count)
        openFlag = Atomic(count == 0)
    }

    /// Its name in reports, or where it was made.
    public let label: ObjectLabel

    /// How often strands must still count down.
    public var count: Int { isOpen ? 0 : guardLock.withLock { state.remaining } }

    /// Whether the count has reached zero.
    // .acquiring pairs with the .releasing store in countDown(_:): writes before it are visible.
    public var isOpen: Bool { openFlag.load(ordering: .acquiring) }

    /// Counts down, but not below zero. At zero all waiters go on, oldest first. Never blocks.
    /// - Parameter amount: How far; 1 or more.
    public func countDown(_ amount: Int = 1) {
        demand(amount >= 1, "countDown of a Latch by \(amount); give 1 or more")
        guardLock.lock()
        state.countDown(amount)
        var claimed = ClaimedWaiters()
        while let waiter = state.nextWoken() { claimed.append(waiter) }
        if state.remaining == 0 { openFlag.store(true, ordering: .releasing) }
        guardLock.unlock()
        claimed.unparkAll()
    }

    /// Waits until the count is zero.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `CancellationError` when the strand is cancelled.
    @available(*, noasync)
    public func wait() throws(CancellationError) {
        _ = try wait(within: nil)
    }

    /// Waits at most `limit`; `.zero` looks once, `nil` waits for ever.
    /// - Returns: Whether the count is zero.
    @available(*, noasync)
    public func wait(within limit: Duration?) throws(CancellationError) -> Bool {
        if isOpen { return true }
        return try Parking.block(
            on: WaitTarget("Latch.wait", self), until: Deadline(within: limit),
            enrol: { self.enrol($0) }, withdraw: { self.withdraw($0) }
        ).wasWoken()
    }

    /// Waits until the count is zero, suspending the calling task.
    public func wait() async throws(CancellationError) {
        _ = try await wait(within: nil)
    }

    /// Waits at most `limit`, suspending the calling task.
    public func wait(within limit: Duration?) async throws(CancellationError) -> Bool {
        if isOpen { return true }
        return try await Parking.suspend(
            on: WaitTarget("Latch.wait", self), until: Deadline(within: limit),
            enrol: { self.enrol($0) }, withdraw: { self.withdraw($0) }
        ).wasWoken()
    }

    /// Counts down by one and waits for the others.
    /// - Throws: `CancellationError` when the strand is cancelled. The count has gone down then,
    ///   too.
    @available(*, noasync)
    public func arriveAndWait() throws(CancellationError) {
        countDown()
        try wait()
    }

    /// Counts down by one and waits for the others, suspending the calling task.
    public func arriveAndWait() async throws(CancellationError) {
        countDown()
        try await wait()
    }

    private func enrol(_ waiter: Waiter) -> Bool {
        guardLock.withLock { !state.isOpen(orQueue: waiter) }
    }

    private func withdraw(_ waiter: Waiter) {
        guardLock.withLock { state.withdraw(waiter) }
    }
}

extension Latch: CustomStringConvertible {
    /// Such as `Latch(count: 2)`.
    public var description: String { "Latch(count: \(count), \(label))" }
}

/// The pure state of a ``Latch``. Nobody waits once nothing remains.
struct LatchState<Waiters: WaiterList> {
    private(set) var remaining: Int
    private var waiters = Waiters()

    init(remaining: Int) { self.remaining = remaining }

    mutating func countDown(_ amount: Int) { remaining -= min(amount, remaining) }

    /// A waiter to wake after ``countDown(_:)``. Call it until it returns nil.
    mutating func nextWoken() -> Waiters.Element? {
        remaining == 0 ? waiters.claimFirst() : nil
    }

    /// Returns true if `waiter` need not wait; otherwise queues it.
    mutating func isOpen(orQueue waiter: Waiters.Element) -> Bool {
        if remaining > 0 { waiters.append(waiter) }
        return remaining == 0
    }

    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }
}

// For tests, which walk through all states.
extension LatchState: Equatable, Hashable where Waiters: Hashable {}

extension Latch: LabelledObject {}
