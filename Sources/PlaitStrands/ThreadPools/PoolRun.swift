internal import PlaitParking
internal import PlaitSync

extension ThreadPool {
    /// Has `body` run by a worker, and waits for its result.
    ///
    /// Blocks the calling thread or parks the calling fiber. A cancellation ends the wait as long
    /// as no worker comes for `body`, which is not run then. A call that runs cannot be stopped: it
    /// is waited for, its result returned, and the cancellation left for the caller's next wait;
    /// only if it began in that very moment, `CancellationError` is thrown when it has ended.
    /// - Throws: What `body` throws; `ThreadPoolError`; `FutureError.cancelled` when the pool was
    ///   shut down and cancelled it; `CancellationError`.
    /// - Source: `gevent.threadpool.ThreadPool.apply`; Trio's `to_thread.run_sync`.
    @available(*, noasync)
    public func run<Success>(
        _ body: sending @escaping () throws -> Success
    ) throws -> sending Success {
        let work = PoolWorkOf(owner: self, Handed.result(of: body))
        try places.acquire()
        if try !enqueue(work, hasPlace: true) {
            do {
                try work.future.waitForBegin()
            } catch {
                if !work.future.cancel() { work.future.waitUncancellably() }
                throw error
            }
        }
        work.future.waitUncancellably()
        return try work.future.result(within: .zero).take()
    }

    /// Has `body` run by a worker, and suspends the calling task until it has a result.
    ///
    /// The task's cancellation ends the wait if `body` has not begun, which is not run then. A call
    /// that runs cannot be stopped: it is waited for, and its result returned.
    public func run<Success>(
        _ body: sending @escaping () throws -> Success
    ) async throws -> sending Success {
        let work = PoolWorkOf(owner: self, Handed.result(of: body))
        try await places.acquire()
        try enqueue(work, hasPlace: true)
        await withTaskCancellationHandler {
            await work.future.waitUncancellably()
        } onCancel: {
            work.future.cancel()
        }
        if Task.isCancelled && work.future.isCancelled { throw CancellationError() }
        return try await work.future.result(within: .zero).take()
    }
}

/// A value that a worker hands over: it need not be `Sendable`, since only one gets it.
private final class Handed<Value>: @unchecked Sendable {
    // Sendable: the worker makes it and the waiter takes it, after that.
    private let value: Value

    private init(_ value: Value) { self.value = value }

    static func result(
        of body: sending @escaping () throws -> Value
    ) -> sending () throws -> Handed {
        { try Handed(body()) }
    }

    func take() -> sending Value {
        nonisolated(unsafe) let value = value
        return unsafe value
    }
}
