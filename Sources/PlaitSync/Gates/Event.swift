public import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// A flag. Strands wait until it is set.
///
/// Setting it wakes all waiters, oldest first. The flag stays set until ``clear()``.
/// - Source: Python's `threading.Event`.
public final class Event: @unchecked Sendable {
    // Sendable: `guardLock` guards `state`; `flag` mirrors it for reading without the lock.
    private let guardLock = ShortLock()
    private var state: EventState<WaitQueue>
    private let flag: Atomic<Bool>

    /// - Parameter name: Its name in reports; nil: the place of this call.
    public init(
        isSet: Bool = false, name: String? = nil, file: StaticString = #fileID, line: UInt = #line
    ) {
        label = ObjectLabel(name, file, line)
        state = EventState(isSet: isSet)
        flag = Atomic(isSet)
    }

    /// Its name in reports, or where it was made.
    public let label: ObjectLabel

    // .acquiring pairs with the .releasing store in set(): writes before set() are visible.
    public var isSet: Bool { flag.load(ordering: .acquiring) }

    /// Sets the flag and wakes all waiters. Never blocks.
    public func set() {
        guardLock.lock()
        var claimed = ClaimedWaiters()
        while let waiter = state.set() { claimed.append(waiter) }
        flag.store(true, ordering: .releasing)
        guardLock.unlock()
        claimed.unparkAll()
    }

    /// Clears the flag, so that later waits block again.
    public func clear() {
        guardLock.withLock {
            state.clear()
            flag.store(false, ordering: .releasing)
        }
    }

    /// Waits until the flag is set, if it is not.
    ///
    /// Blocks the calling thread or parks the calling fiber. A waiter that was woken returns, even
    /// if the flag has been cleared since.
    /// - Throws: `CancellationError` when the strand is cancelled.
    @available(*, noasync)
    public func wait() throws(CancellationError) {
        _ = try wait(within: nil)
    }

    /// Waits at most `limit`; `.zero` looks once, `nil` waits for ever.
    /// - Returns: Whether it was set.
    @available(*, noasync)
    public func wait(within limit: Duration?) throws(CancellationError) -> Bool {
        if isSet { return true }
        return try Parking.block(
            on: WaitTarget("Event.wait", self), until: Deadline(within: limit), enrol: enrol,
            withdraw: withdraw
        ).wasWoken()
    }

    /// Waits until the flag is set, whatever happens to the caller.
    @available(*, noasync)
    package func waitUncancellably() {
        if isSet { return }
        _ = Parking.block(
            on: WaitTarget("Event.wait", self), until: .never, isCancellable: false, enrol: enrol,
            withdraw: withdraw)
    }

    /// Waits until the flag is set, whatever happens to the calling task.
    package func waitUncancellably() async {
        if isSet { return }
        _ = await Parking.suspend(
            on: WaitTarget("Event.wait", self), until: .never, isCancellable: false, enrol: enrol,
            withdraw: withdraw)
    }

    /// Waits until the flag is set, suspending the calling task.
    public func wait() async throws(CancellationError) {
        _ = try await wait(within: nil)
    }

    /// Waits at most `limit`, suspending the calling task.
    public func wait(within limit: Duration?) async throws(CancellationError) -> Bool {
        if isSet { return true }
        return try await Parking.suspend(
            on: WaitTarget("Event.wait", self), until: Deadline(within: limit), enrol: enrol,
            withdraw: withdraw
        ).wasWoken()
    }

    private func enrol(_ waiter: Waiter) -> Bool {
        guardLock.withLock { !state.isReady(orQueue: waiter) }
    }

    private func withdraw(_ waiter: Waiter) {
        guardLock.withLock { state.withdraw(waiter) }
    }
}

extension Event: CustomStringConvertible {
    /// `Event(set)` or `Event(unset)`.
    public var description: String { "Event(\(isSet ? "set" : "unset"), \(label))" }
}

/// The pure state of an ``Event``.
struct EventState<Waiters: WaiterList> {
    private(set) var isSet: Bool
    private var waiters = Waiters()

    init(isSet: Bool) { self.isSet = isSet }

    /// Sets the flag. Returns a waiter to wake; call it until it returns nil.
    mutating func set() -> Waiters.Element? {
        isSet = true
        return waiters.claimFirst()
    }

    mutating func clear() { isSet = false }

    /// Returns true if `waiter` need not wait; otherwise queues it.
    mutating func isReady(orQueue waiter: Waiters.Element) -> Bool {
        if !isSet { waiters.append(waiter) }
        return isSet
    }

    mutating func withdraw(_ waiter: Waiters.Element) { waiters.remove(waiter) }
}

extension Event: LabelledObject {}
