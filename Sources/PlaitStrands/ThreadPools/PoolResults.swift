internal import DequeModule
internal import PlaitPlatform

/// The results of ``ThreadPool/map(_:within:_:)``: `for try await result in …` in async code,
/// `while let result = try ….next()` elsewhere, or all at once by ``collect()``.
///
/// They are gone through once. The first error ends them: of the work, a time-out, a cancellation
/// of whoever waits. Then, or when they are let go of after the first of them was asked for, the
/// work that has not begun is cancelled. What was given out is not kept.
public final class PoolResults<Success: Sendable>: AsyncSequence, AsyncIteratorProtocol,
    @unchecked Sendable
{
    // Sendable: `guardLock` guards `rest` and `hasBegun`; the other fields are constant.
    private let deadline: Deadline
    /// The futures as they come; nil where the order is that of the items.
    private let completed: CompletedFutures<Success>?
    private let guardLock = ShortLock()
    /// Without those given out, if the order is that of the items.
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
    /// - Throws: The error of the work; `TimedOut` past the limit; `CancellationError` when the caller is cancelled.
    @available(*, noasync)
    public func next() throws -> Success? {
        do {
            if let completed {
                begin()
                return try completed.next()?.result(within: .zero)
            }
            guard let future = takeFirst() else { return nil }
            // One that ran into the limit is not wanted later either.
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
