internal import DequeModule
internal import PlaitPlatform

/// The results of ``ThreadPool/map(_:within:_:)``: `for try await result in …` in async code,
/// `while let result = try ….next()` elsewhere, or all at once by ``collect()``.
///
/// Each result is given out once. The first error ends the sequence: an error of the work, a
/// time-out, or the cancellation of the strand that waits. Then the work that has not begun is
/// cancelled. That also happens when the sequence is dropped after somebody has asked for the first
/// result. The sequence does not retain results that it has given out.
public final class PoolResults<Success: Sendable>: AsyncSequence, AsyncIteratorProtocol,
    @unchecked Sendable
{
    // Sendable: `guardLock` guards `rest` and `hasBegun`; the other fields are constant.
    private let deadline: Deadline
    /// The futures as they are done; nil if the results come in the order of the items.
    private let completed: CompletedFutures<Success>?
    private let guardLock = ShortLock()
    /// The futures that have not been given out, if the results come in the order of the items.
    private var rest: Deque<Future<Success>>
    private var hasBegun = false

    init(ordered futures: [Future<Success>], until deadline: Deadline) {
        self.deadline = deadline
        completed = nil
        rest = Deque(futures)
    }

    init(unordered futures: [Future<Success>], until deadline: Deadline) {
        self.deadline = deadline
        completed = CompletedFutures(futures, until: deadline)
        rest = []
    }

    deinit { if hasBegun { cancelRest() } }

    /// Waits for the next result; nil after the last.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: The error of the work; `TimedOut` past the limit; `CancellationError` when the
    ///   caller is cancelled.
    @available(*, noasync)
    public func next() throws -> Success? {
        do {
            if let completed {
                begin()
                return try completed.next()?.result(within: .zero)
            }
            guard let future = takeFirst() else { return nil }
            // A future that ran into the limit is not wanted later either.
            defer { future.cancel() }
            return try future.result(within: deadline.remaining)
        } catch {
            cancelRest()
            throw error
        }
    }

    /// Waits for the next result, suspending the calling task; nil after the last.
    public func next() async throws -> Success? {
        do {
            if let completed {
                begin()
                return try await completed.next()?.result(within: .zero)
            }
            guard let future = takeFirst() else { return nil }
            defer { future.cancel() }
            return try await future.result(within: deadline.remaining)
        } catch {
            cancelRest()
            throw error
        }
    }

    /// Waits for all results that have not been given out.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: As ``next()``.
    /// - Source: gevent's `Pool.map`.
    @available(*, noasync)
    public func collect() throws -> [Success] {
        var results: [Success] = []
        while let result = try next() { results.append(result) }
        return results
    }

    /// Waits for all results that have not been given out, suspending the calling task.
    public func collect() async throws -> [Success] {
        var results: [Success] = []
        while let result = try await next() { results.append(result) }
        return results
    }

    public func makeAsyncIterator() -> PoolResults { self }

    private func begin() { guardLock.withLock { hasBegun = true } }

    private func takeFirst() -> Future<Success>? {
        guardLock.withLock {
            hasBegun = true
            return rest.popFirst()
        }
    }

    private func cancelRest() {
        let cancelled = guardLock.withLock {
            defer { rest = [] }
            return rest
        }
        for future in cancelled { future.cancel() }
        completed?.cancelRest()
    }
}
