internal import PlaitParking
internal import PlaitSync

extension ThreadPool {
    /// Runs `body` on a worker, and waits for its result.
    ///
    /// Blocks the calling thread or parks the calling fiber. A cancellation ends the wait as long
    /// as no worker has come for `body`, and `body` does not run then. A call that runs cannot be
    /// stopped: the caller waits for it and gets its result, and the cancellation goes to the
    /// caller's next wait. Only if `body` began in the moment of the cancellation,
    /// `CancellationError` is thrown after it has ended.
    /// - Throws: What `body` throws; `ThreadPoolError`; `FutureError.cancelled` when the pool was
    ///   shut down and cancelled it; `CancellationError`.
    /// - Source: `gevent.threadpool.ThreadPool.apply`; Trio's `to_thread.run_sync`.
    @available(*, noasync)
    public func run<Success>(
        _ body: sending @escaping () throws -> Success
    ) throws -> sending Success {
        let work = PoolWorkOf(owner: core, Handed.result(of: body))
        try core.places.acquire()
        if try core.enqueue(work, hasPlace: true) == false {
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

    /// Runs `body` on a worker, and suspends the calling task until it has a result.
    ///
    /// If `body` has not begun, the task's cancellation ends the wait, and `body` does not run. A
    /// call that runs cannot be stopped: the task waits for it and gets its result.
    public func run<Success>(
        _ body: sending @escaping () throws -> Success
    ) async throws -> sending Success {
        let work = PoolWorkOf(owner: core, Handed.result(of: body))
        try await core.places.acquire()
        try core.enqueue(work, hasPlace: true)
        await withTaskCancellationHandler {
            await work.future.waitUncancellably()
        } onCancel: {
            work.future.cancel()
        }
        if Task.isCancelled && work.future.isCancelled { throw CancellationError() }
        return try await work.future.result(within: .zero).take()
    }
}

/// A value that a worker hands over. It need not be `Sendable`, since only one strand gets it.
private final class Handed<Value>: @unchecked Sendable {
    // Sendable: the worker writes it before the waiter takes it.
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
