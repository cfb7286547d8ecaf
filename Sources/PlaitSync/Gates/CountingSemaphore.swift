public import PlaitParking
internal import PlaitPlatform

/// A number of permits that strands take and give back.
///
/// Waiters are served first come, first served: a permit that is released goes to the oldest
/// waiter, never past it to a strand that comes later.
/// - Source: Python's `threading.Semaphore`.
public class CountingSemaphore: @unchecked Sendable {
    // Sendable: `guardLock` guards `state`; the rest is constant.
    private let guardLock = ShortLock()
    private var state: SemaphoreState<WaitQueue>
    private let verb: StaticString

    /// - Parameter permits: How many strands may hold a permit at the same time; not negative.
    /// - Parameter name: Its name in reports; nil: the place of this call.
    public convenience init(
        permits: Int, name: String? = nil, file: StaticString = #fileID, line: UInt = #line
    ) {
        self.init(
            permits: permits, bound: .max, verb: "CountingSemaphore.acquire",
            ObjectLabel(name, file, line))
    }

    init(permits: Int, bound: Int, verb: StaticString, _ label: ObjectLabel) {
        self.label = label
        self.verb = verb
        state = SemaphoreState(permits: permits, bound: bound)
        demand(permits >= 0, "a \(typeName) needs permits >= 0, not \(permits)")
    }

    /// Its name in reports, or where it was made.
    public final let label: ObjectLabel

    /// How many permits nobody holds.
    public final var permits: Int { guardLock.withLock { state.permits } }

    // MARK: Acquiring

    /// Takes a permit if one is free. Never waits.
    public final func tryAcquire() -> Bool {
        guardLock.withLock { state.tryAcquire() }
    }

    /// Takes a permit, waiting while none is free.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `CancellationError` when the strand is cancelled; no permit is taken then.
    /// - Source: Python's `Semaphore.acquire`.
    @available(*, noasync)
    public final func acquire() throws(CancellationError) {
        _ = try acquire(within: nil)
    }

    /// Takes a permit, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Whether a permit was taken.
    @available(*, noasync)
    public final func acquire(within limit: Duration?) throws(CancellationError) -> Bool {
        if tryAcquire() { return true }
        return try block(until: Deadline(within: limit), isCancellable: true).wasWoken()
    }

    /// Takes a permit, suspending the calling task while none is free.
    public final func acquire() async throws(CancellationError) {
        _ = try await acquire(within: nil)
    }

    /// Takes a permit, suspending the calling task at most for `limit`.
    public final func acquire(within limit: Duration?) async throws(CancellationError) -> Bool {
        if tryAcquire() { return true }
        return try await Parking.suspend(
            on: WaitTarget(verb, self), until: Deadline(within: limit), enrol: { self.enrol($0) },
            withdraw: { self.withdraw($0) }
        ).wasWoken()
    }

    /// Runs `body` holding a permit. Waiting for the permit is not cancellable: `body` runs.
    /// - Source: Python's `with semaphore`.
    @available(*, noasync)
    public final func withPermit<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if !tryAcquire() { _ = block(until: .never, isCancellable: false) }
        defer { release() }
        return try body()
    }

    /// Runs `body` holding a permit; the calling task is suspended while none is free.
    /// - Throws: `CancellationError` when the task is cancelled while it waits, and what `body`
    ///   throws.
    public final func withPermit<Result>(
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await acquire()
        defer { release() }
        return try await body()
    }

    /// As ``withPermit(_:)``, with a body that does not suspend.
    public final func withPermit<Result>(
        _ body: () throws -> Result
    ) async throws -> Result {
        try await acquire()
        defer { release() }
        return try body()
    }

    // MARK: Releasing

    /// Gives back `count` permits, waking as many waiters. Never blocks.
    ///
    /// Any strand may release. A ``BoundedSemaphore`` takes back no more permits than were
    /// acquired.
    public final func release(_ count: Int = 1) {
        demand(count >= 1, "release of \(count) permits of a \(typeName); give 1 or more")
        guardLock.lock()
        // The check and the release happen under one lock, so that two releases cannot both use the
        // same room.
        let mayRelease = state.mayRelease(count)
        var claimed = ClaimedWaiters()
        if mayRelease { state.release(count) { claimed.append($0) } }
        guardLock.unlock()
        demand(
            mayRelease,
            "release of \(count) more than were acquired of \(self), by strand "
                + Strand.current.name)
        claimed.unparkAll()
    }

    // MARK: Waiting

    private func block(until deadline: Deadline, isCancellable: Bool) -> WaitOutcome {
        Parking.block(
            on: WaitTarget(verb, self), until: deadline, isCancellable: isCancellable,
            enrol: { self.enrol($0) }, withdraw: { self.withdraw($0) })
    }

    private func enrol(_ waiter: Waiter) -> Bool {
        guardLock.withLock { !state.acquire(orQueue: waiter) }
    }

    private func withdraw(_ waiter: Waiter) {
        guardLock.withLock { state.withdraw(waiter) }
    }
}

extension CountingSemaphore: CustomStringConvertible {
    private var typeName: String { String(describing: type(of: self)) }

    /// Such as `CountingSemaphore(permits: 2)`, with the permits that nobody holds at this moment.
    public var description: String {
        let (permits, bound) = guardLock.withLock { (state.permits, state.bound) }
        return "\(typeName)(permits: \(permits)\(bound == .max ? "" : "/\(bound)"), \(label))"
    }
}

extension CountingSemaphore: LabelledObject {}
