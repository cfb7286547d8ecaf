internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync
internal import Synchronization

/// A pool of threads that does work for threads, fibers and tasks.
///
/// The pool starts a thread when work comes and no worker is idle, up to ``workers``. A worker that
/// was idle for `idleLimit` ends. Work begins in the order in which it came. When ``workers``
/// pieces of work are in progress and the queue is full, a caller with more work waits. Work that
/// waits for other work of the same pool may wait for ever, if all workers do that.
///
/// A pool without references still does the work that it was given; its idle workers end at once.
/// The end of the program waits for all work.
/// - Source: Python's `concurrent.futures.ThreadPoolExecutor`, `gevent.threadpool.ThreadPool`.
public final class ThreadPool: Sendable {
    let core: ThreadPoolCore

    /// A few more than there are processors, since much work waits; at most 32.
    public static let defaultWorkers = min(32, processorCount + 4)

    /// The figures of a pool at one moment.
    public struct Statistics: Hashable, Sendable {
        /// How many workers exist.
        public let threads: Int
        /// How many workers have no work.
        public let idle: Int
        /// How many pieces of work wait for a worker.
        public let queued: Int
        /// How many pieces of work are being done, including the callbacks of their futures.
        public let running: Int
        /// How many pieces of work have been done since the pool was made, with a value or an
        /// error.
        public let completed: Int
    }

    /// The pool's name. Its workers are called by this name, `-` and a number from 0.
    public var name: String { core.name }

    /// - Parameters:
    ///   - workers: How many threads the pool has at most; at least 1.
    ///   - queueCapacity: How many pieces of work may wait for a worker before callers with more
    ///     work wait.
    ///   - name: The pool's name; nil takes `pool-` and a number.
    ///   - idleLimit: How long a worker without work lives.
    ///   - stackSize: The size of a worker's stack in bytes; nil takes the system's default,
    ///     usually 8 MiB.
    ///   - initializer: Each worker runs it before its first work. If it throws, the pool is
    ///     broken, and all waiting work fails with `ThreadPoolError.broken`.
    public init(
        workers: Int = ThreadPool.defaultWorkers, queueCapacity: Int = 1_024, name: String? = nil,
        idleLimit: Duration = .seconds(60), stackSize: Int? = nil,
        initializer: (@Sendable () throws -> Void)? = nil
    ) {
        demand(workers >= 1, "a ThreadPool needs at least 1 worker, not \(workers)")
        demand(queueCapacity >= 0, "a ThreadPool needs a capacity >= 0, not \(queueCapacity)")
        core = ThreadPoolCore(
            workers: workers, queueCapacity: queueCapacity,
            name: name ?? "pool-\(ThreadPool.nextNumber())", idleLimit: idleLimit,
            stackSize: stackSize, initializer: initializer)
    }

    deinit { core.close(cancellingQueued: false) }

    private static let last = Atomic<Int>(0)
    private static func nextNumber() -> Int {
        last.wrappingAdd(1, ordering: .relaxed).newValue
    }

    public var statistics: Statistics { core.statistics }

    /// How many threads the pool has at most.
    ///
    /// Raising it lets waiting work begin. Lowering it ends workers above the limit when they are
    /// idle; with 0 all workers end, and no work begins. It has no effect after ``shutDown``.
    public var workers: Int {
        get { core.workers }
        set { core.setWorkers(newValue) }
    }

    // MARK: Giving work

    /// Gives `body` to a worker. Waits for a place while the pool is full.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait for a place; `nil` waits for ever, `.zero` tries once.
    /// - Returns: The future of the result. It can be cancelled until `body` runs.
    /// - Throws: `TimedOut` past the limit; `ThreadPoolError`; `CancellationError` when the caller
    ///   is cancelled. `body` is not run then.
    /// - Source: Python's `Executor.submit`; `gevent.threadpool.ThreadPool.spawn`.
    @available(*, noasync)
    @discardableResult
    public func submit<Success: Sendable>(
        within limit: Duration? = nil, _ body: sending @escaping () throws -> Success
    ) throws -> Future<Success> {
        let work = PoolWorkOf(owner: core, body)
        let hasPlace = try core.places.acquire(within: limit)
        guard try core.enqueue(work, hasPlace: hasPlace) != nil else { throw stayedFull }
        return work.future
    }

    /// Gives `body` to a worker, suspending the calling task while the pool is full.
    @discardableResult
    public func submit<Success: Sendable>(
        within limit: Duration? = nil, _ body: sending @escaping () throws -> Success
    ) async throws -> Future<Success> {
        let work = PoolWorkOf(owner: core, body)
        let hasPlace = try await core.places.acquire(within: limit)
        guard try core.enqueue(work, hasPlace: hasPlace) != nil else { throw stayedFull }
        return work.future
    }

    /// Gives `body` to a worker if the pool has a place for it. Never waits.
    /// - Returns: Nil when the pool is full.
    /// - Throws: `ThreadPoolError.shutDown`, `.broken`.
    public func trySubmit<Success: Sendable>(
        _ body: sending @escaping () throws -> Success
    ) throws(ThreadPoolError) -> Future<Success>? {
        let work = PoolWorkOf(owner: core, body)
        let isTaken = try core.enqueue(work, hasPlace: core.places.tryAcquire()) != nil
        return isTaken ? work.future : nil
    }

    // MARK: Ending

    /// Makes the pool take no more work. Work that it has is still done; `cancellingQueued` cancels
    /// what has not begun.
    ///
    /// Callers that wait for a place get `ThreadPoolError.shutDown`. You may call it again with
    /// other arguments. A pool of 0 workers cancels its work. A cancellation does not end the wait.
    /// - Parameters:
    ///   - wait: Whether to block the calling thread or park the calling fiber until all workers
    ///     have ended. Traps if a worker of the pool is the caller.
    ///   - cancellingQueued: Whether to cancel the work that has not begun.
    /// - Source: Python's `Executor.shutdown`.
    @available(*, noasync)
    public func shutDown(wait: Bool = true, cancellingQueued: Bool = false) {
        core.shutDown(wait: wait, cancellingQueued: cancellingQueued)
    }

    /// Makes the pool take no more work, and suspends the calling task until all workers have
    /// ended.
    public func shutDown(wait: Bool = true, cancellingQueued: Bool = false) async {
        await core.shutDown(wait: wait, cancellingQueued: cancellingQueued)
    }

    private var stayedFull: TimedOut {
        TimedOut("submit to thread pool \(name), which stayed full,")
    }
}

extension ThreadPool: CustomStringConvertible {
    /// Such as `ThreadPool(2 of 8 threads, 1 queued, pool-1)`.
    public var description: String {
        let now = statistics
        return "ThreadPool(\(now.threads) of \(workers) threads, \(now.queued) queued, \(name))"
    }
}

/// Makes a pool, and returns only when all work that `body` gave it is done.
///
/// Blocks the calling thread or parks the calling fiber. If `body` throws, work that has not begun
/// is done all the same; cancel its futures if you do not want that.
/// - Source: Python's `with ThreadPoolExecutor() as pool:`.
@available(*, noasync)
public func withThreadPool<Result>(
    workers: Int = ThreadPool.defaultWorkers, queueCapacity: Int = 1_024, name: String? = nil,
    initializer: (@Sendable () throws -> Void)? = nil, _ body: (ThreadPool) throws -> Result
) rethrows -> Result {
    let pool = ThreadPool(
        workers: workers, queueCapacity: queueCapacity, name: name, initializer: initializer)
    defer { pool.shutDown() }
    return try body(pool)
}

/// Makes a pool, and suspends the calling task until all work that `body` gave it is done.
public func withThreadPool<Result>(
    workers: Int = ThreadPool.defaultWorkers, queueCapacity: Int = 1_024, name: String? = nil,
    initializer: (@Sendable () throws -> Void)? = nil,
    _ body: (ThreadPool) async throws -> Result
) async rethrows -> Result {
    let pool = ThreadPool(
        workers: workers, queueCapacity: queueCapacity, name: name, initializer: initializer)
    do {
        let result = try await body(pool)
        await pool.shutDown()
        return result
    } catch {
        await pool.shutDown()
        throw error
    }
}
