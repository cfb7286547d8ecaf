internal import DequeModule
internal import PlaitPlatform
internal import PlaitSync

extension Future {
    /// The futures in the order in which they are done. Those that are done already come first.
    ///
    /// A future that is given twice comes once.
    /// - Parameter limit: The longest time from this call to the last future; `nil` waits for ever.
    /// - Source: Python's `concurrent.futures.as_completed`.
    public static func asCompleted(
        _ futures: some Sequence<Future>, within limit: Duration? = nil
    ) -> CompletedFutures<Success> {
        CompletedFutures(unique(futures), until: Deadline(within: limit))
    }
}

/// Futures in the order in which they are done: `for try await future in …` in async code,
/// `while let future = try ….next()` elsewhere.
///
/// Any number of strands and tasks may take futures from it; each future goes to one of them. It
/// does not retain a future that it has given out.
public final class CompletedFutures<Success: Sendable>: AsyncSequence, AsyncIteratorProtocol,
    @unchecked Sendable
{
    // Sendable: `guardLock` guards `pending`, `promised` and `yielded`; the rest is constant.
    private let deadline: Deadline
    private let arrivals: FutureArrivals
    private let total: Int
    private let guardLock = ShortLock()
    /// The futures by index; nil once given out.
    private var pending: [Future<Success>?]
    /// How many futures have been given out, or have somebody waiting for them.
    private var promised = 0
    private var yielded = 0

    init(_ futures: [Future<Success>], until deadline: Deadline) {
        self.deadline = deadline
        total = futures.count
        pending = futures
        arrivals = FutureArrivals()
        for (index, future) in futures.enumerated() { future.watch(for: arrivals, as: index) }
    }

    deinit {
        for future in pending { future?.unwatch(for: arrivals) }
    }

    /// Waits for the next future that is done; nil when all have been given out.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `TimedOut` past the limit, once those that are done have been given
    ///   out; `CancellationError` when the caller is cancelled. It may be called again.
    @available(*, noasync)
    public func next() throws -> Future<Success>? {
        guard promise() else { return nil }
        do {
            return try take(arrivals.count.acquire(within: deadline.remaining))
        } catch {
            retract()
            throw error
        }
    }

    /// Waits for the next future that is done, suspending the calling task.
    public func next() async throws -> Future<Success>? {
        guard promise() else { return nil }
        do {
            return try await take(arrivals.count.acquire(within: deadline.remaining))
        } catch {
            retract()
            throw error
        }
    }

    public func makeAsyncIterator() -> CompletedFutures { self }

    /// Cancels the futures that have not been given out.
    func cancelRest() {
        let rest = guardLock.withLock { pending }
        for future in rest { future?.cancel() }
    }

    private func promise() -> Bool {
        guardLock.withLock {
            guard promised < total else { return false }
            promised += 1
            return true
        }
    }

    private func retract() { guardLock.withLock { promised -= 1 } }

    private func take(_ hasArrived: Bool) throws(TimedOut) -> Future<Success>? {
        guard hasArrived else {
            let unfinished = guardLock.withLock { total - yielded }
            throw TimedOut("wait for \(total) futures (\(unfinished) unfinished)")
        }
        let index = arrivals.first()
        return guardLock.withLock {
            yielded += 1
            return pending[index].take()
        }
    }
}

/// The numbers of futures that are done and have not been given out. It has no references to the
/// futures: they refer to it, and would never be freed.
private final class FutureArrivals: FutureWatcher, @unchecked Sendable {
    // Sendable: `guardLock` guards `indices`.
    /// One permit for each number.
    let count = CountingSemaphore(permits: 0)
    private let guardLock = ShortLock()
    private var indices = Deque<Int>()

    func futureIsDone(_ index: Int, hasFailed: Bool) {
        guardLock.withLock { indices.append(index) }
        count.release()
    }

    /// Takes the oldest number. A caller that has a permit always finds one.
    func first() -> Int { guardLock.withLock { indices.removeFirst() } }
}
