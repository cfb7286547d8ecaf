internal import PlaitParking
internal import PlaitPlatform

/// Lets strands of several processes wait for a change of the data that a ``ProcessLock`` guards.
///
/// A strand that waits releases the lock meanwhile, and holds it again afterwards, whatever ended
/// the wait. A notification goes to the strand that has waited longest, and passes over dead
/// processes. At most 1,024 strands wait at the same time. A condition goes to another process in
/// the input of its function. For tasks there is only ``withLock(when:within:_:)``: the lock
/// belongs to a thread, and a task may change its thread.
/// - Source: Python's `multiprocessing.Condition`.
public final class ProcessCondition: Sendable {
    /// Guards the data. The caller of each verb here must hold it.
    public let lock: ProcessLock
    private let block: SharedBlock
    private let table: WaiterTable

    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public convenience init(lock: ProcessLock) throws {
        self.init(lock, try SharedBlock("plait-condition", bytes: WaiterTable.size))
    }

    /// Makes a condition with a lock of its own.
    public convenience init() throws { try self.init(lock: ProcessLock()) }

    private init(_ lock: ProcessLock, _ block: SharedBlock) {
        self.lock = lock
        self.block = block
        table = WaiterTable(block, at: 0)
    }

    /// How many strands of all processes wait at this moment.
    public var waitingCount: Int {
        demandHeld("waitingCount")
        return table.places(in: .waiting).count
    }

    /// Waits for a notification, and takes the lock again.
    ///
    /// Blocks the calling thread or parks the calling fiber. The data may have changed again
    /// meanwhile; ``wait(for:within:)`` tests them.
    /// - Parameter limit: Longest wait for the notification; `nil` waits for ever, `.zero` releases
    ///   the lock once.
    /// - Returns: Whether it was notified. It does not tell whether a holder of `lock` died
    ///   meanwhile.
    /// - Throws: `CancellationError`, and then a notification that this strand had goes to another;
    ///   ``SharingError/tooManyWaiters(_:)``; `SystemError`: EAGAIN if the system gives no thread
    ///   that sleeps for a fiber. The caller holds the lock then, too.
    /// - Source: Python's `Condition.wait`.
    @available(*, noasync)
    @discardableResult
    public func wait(within limit: Duration? = nil) throws -> Bool {
        demandHeld("wait")
        let place = try table.enter()
        lock.release()
        let outcome = Result {
            try table.condition(place).wait(
                on: waiting, until: Deadline(within: limit))
        }
        _ = try lock.acquireUncancellably()
        let wasNotified = table.state(place) == .served
        table.leave(place)
        if case .failure = outcome, wasNotified { notify() }
        return try outcome.get() || wasNotified
    }

    /// Waits until `predicate` holds. The caller holds the lock while `predicate` runs.
    /// - Returns: The last result of `predicate`; false past the limit.
    /// - Throws: As ``wait(within:)``; errors of `predicate`.
    /// - Source: Python's `Condition.wait_for`.
    @available(*, noasync)
    @discardableResult
    public func wait(
        for predicate: () throws -> Bool, within limit: Duration? = nil
    ) throws -> Bool {
        let deadline = Deadline(within: limit)
        while try !predicate() {
            if deadline.hasPassed { return false }
            try wait(within: deadline.remaining)
        }
        return true
    }

    /// Takes the lock, waits until `predicate` holds, and runs `body` under the lock. Neither of
    /// the two may suspend.
    ///
    /// Suspends the calling task while it waits for a notification, and for the lock.
    /// - Parameter limit: Longest wait for the predicate; `nil` waits for ever, `.zero` tests it
    ///   once.
    /// - Throws: `TimedOut` past the limit; `CancellationError`;
    ///   ``SharingError/tooManyWaiters(_:)``; errors of `predicate` and `body`.
    public func withLock<Result>(
        when predicate: () throws -> Bool, within limit: Duration? = nil,
        _ body: () throws -> Result
    ) async throws -> Result {
        let deadline = Deadline(within: limit)
        var place: Int?
        while true {
            let found: (result: Result?, place: Int?)
            do {
                let left = place
                found = try await lock.withLock { _ in
                    if let left { table.leave(left) }
                    place = nil
                    if try predicate() { return (try body(), nil) }
                    if deadline.hasPassed { throw TimedOut("ProcessCondition.withLock(when:)") }
                    return (nil, try table.enter())
                }
            } catch {
                if let place { await giveUp(place) }
                throw error
            }
            if let result = found.result { return result }
            guard let entered = found.place else { continue }
            place = entered
            do {
                _ = try await table.condition(entered).wait(on: waiting, until: deadline)
            } catch {
                await giveUp(entered)
                throw error
            }
        }
    }

    private var waiting: WaitTarget { WaitTarget("ProcessCondition.wait", self) }

    /// Leaves a place, whatever is cancelled meanwhile. A notification that the place had goes to
    /// another.
    private func giveUp(_ place: Int) async {
        try? await lock.withLockUncancellably { _ in
            let wasNotified = table.state(place) == .served
            table.leave(place)
            if wasNotified { notify() }
        }
    }

    /// Ends the waits of the `count` oldest waiters. They go on once the lock is free.
    /// - Source: Python's `Condition.notify`.
    public func notify(_ count: Int = 1) {
        demand(count >= 0, "notify(\(count)) of a ProcessCondition; give 0 or more")
        demandHeld("notify")
        for place in table.places(in: .waiting, atMost: count) { table.tell(place, .served) }
    }

    /// Ends all waits. The waiters go on once the lock is free.
    public func notifyAll() { notify(.max) }

    private func demandHeld(_ verb: String) {
        demand(
            lock.isHeldByThread,
            "\(verb) of a ProcessCondition whose lock strand \(Strand.current.name) does not hold")
    }
}

extension ProcessCondition: Codable {
    private enum Key: CodingKey { case lock, waiters }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(lock, forKey: .lock)
        try block.encode(to: container.superEncoder(forKey: .waiters), as: "ProcessCondition")
    }

    public convenience init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let lock = try container.decode(ProcessLock.self, forKey: .lock)
        let waiters = try container.superDecoder(forKey: .waiters)
        self.init(
            lock,
            try SharedBlock(from: waiters, as: "ProcessCondition") { $0 == WaiterTable.size })
    }
}
