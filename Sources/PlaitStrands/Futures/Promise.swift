package import PlaitParking
internal import PlaitPlatform

/// The writing side of a ``Future``.
///
/// If the promise is dropped without a result, the future fails with `FutureError.abandoned`, so
/// that nobody waits for ever.
/// - Source: The methods that Python's `Future` has for executors, such as `set_result`.
public final class Promise<Success: Sendable>: Sendable {
    public let future = Future<Success>()

    public init() {}

    deinit {
        guard !future.isDone else { return }
        try? fail(FutureError.abandoned)
    }

    /// Notes that the work begins. The future cannot be cancelled after that. Call it once.
    /// - Returns: False when the future was cancelled, so nobody wants the work.
    /// - Throws: `FutureError.alreadyDone` when it has a result.
    /// - Source: Python's `Future.set_running_or_notify_cancel`.
    public func begin() throws(FutureError) -> Bool {
        if future.begin() { return true }
        demand(!future.isRunning, "begin of a promise whose work runs already")
        if future.isCancelled { return false }
        throw .alreadyDone
    }

    /// As ``begin()``, for a caller that holds a lock. The caller unparks `claimed` after
    /// unlocking. Returns false when nobody wants the work, or when it has begun before.
    package func begin(claiming claimed: inout ClaimedWaiters) -> Bool {
        future.begin(claiming: &claimed)
    }

    /// Finishes the future with a value. Runs its callbacks.
    /// - Throws: `FutureError.alreadyDone` when it has a result or was cancelled; that stays.
    public func fulfil(_ value: Success) throws(FutureError) { try complete(with: .success(value)) }

    /// Finishes the future with an error. Runs its callbacks.
    /// - Throws: `FutureError.alreadyDone` when it has a result or was cancelled; that stays.
    public func fail(_ error: any Error) throws(FutureError) {
        try complete(with: .failure(error))
    }

    /// Finishes the future. Runs its callbacks.
    /// - Throws: `FutureError.alreadyDone` when it has a result or was cancelled; that stays.
    public func complete(with result: Result<Success, any Error>) throws(FutureError) {
        guard let callbacks = future.finish(with: result) else { throw .alreadyDone }
        future.run(callbacks)
    }

    /// Finishes the future and wakes its waiters. Returns a closure that runs the callbacks, which
    /// the caller calls; nil if there are none, or if the future was done before.
    package func finish(with result: Result<Success, any Error>) -> (@Sendable () -> Void)? {
        guard let callbacks = future.finish(with: result), !callbacks.isEmpty else { return nil }
        return { [future] in future.run(callbacks) }
    }
}
