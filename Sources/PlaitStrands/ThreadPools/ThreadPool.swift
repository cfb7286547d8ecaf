internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync
internal import Synchronization

/// A pool of threads, which do the work that threads, fibers and tasks give them.
///
/// A thread is started when work comes and no worker is idle, up to ``workers``; one that was idle
/// for the limit given ends. Work is begun first come, first served. Beyond ``workers`` pieces in
/// progress and the capacity of the queue, whoever brings more waits. Work that waits for other
/// work of the same pool may wait for ever, if all workers do.
///
/// A pool that nobody refers to any more still does what it was given, and ends with its last idle
/// worker; when the program ends, it is finished first.
/// - Source: Python's `concurrent.futures.ThreadPoolExecutor`, `gevent.threadpool.ThreadPool`.
public final class ThreadPool: FutureOwner, @unchecked Sendable {
    // Sendable: `guardLock` guards `state`, `strands`, `started`, `debt` and `cancelled`; the rest
    // is constant.

    /// Some more than there are processors, since much work waits; at most 32.
    public static let defaultWorkers = min(32, processorCount + 4)

    /// What a pool does at one moment.
    public struct Statistics: Hashable, Sendable {
        /// Workers that exist.
        public let threads: Int
        /// Those that have no work.
        public let idle: Int
        /// Work that waits for a worker.
        public let queued: Int
        /// Work that is being done, callbacks of its future included.
        public let running: Int
        /// Work that has been done, with a value or an error, since the pool was made.
        public let completed: Int
    }

    /// Its workers are called this, `-` and a number from 0.
    public let name: String
    let idleLimit: Duration
    let stackSize: Int?
    let initializer: (@Sendable () throws -> Void)?
    /// A permit is a piece of work that may be brought before others are done.
    let places: CountingSemaphore
    /// Set when it was closed and the last worker has ended.
    let ended = Event()
    let guardLock = ShortLock()
    var state: PoolState<WaiterStack, PoolWork>
    /// Every worker that lives, and some that do not.
    var strands: [Strand] = []
    /// Workers started so far.
    var started = 0
    /// Permits that were not free when ``workers`` was lowered: so many are not given back.
    var debt = 0
    /// Work cancelled since the queue was last rid of such.
    var cancelled = 0

    /// - Parameters:
    ///   - workers: Threads it has at most; at least 1.
    ///   - queueCapacity: Work that may wait for a worker before whoever brings more waits.
    ///   - name: `pool-` and a number if nil.
    ///   - idleLimit: How long a worker without work lives.
    ///   - stackSize: Bytes of a worker's stack; nil for the system's default, usually 8 MiB.
    ///   - initializer: Run by each worker before its first work. If it throws, the pool is broken:
    ///     what waits fails with `ThreadPoolError.broken`.
    public init(
        workers: Int = ThreadPool.defaultWorkers, queueCapacity: Int = 1_024, name: String? = nil,
        idleLimit: Duration = .seconds(60), stackSize: Int? = nil,
        initializer: (@Sendable () throws -> Void)? = nil
    ) {
        demand(workers >= 1, "a ThreadPool needs at least 1 worker, not \(workers)")
        demand(queueCapacity >= 0, "a ThreadPool needs a capacity >= 0, not \(queueCapacity)")
        self.name = name ?? "pool-\(ThreadPool.nextNumber())"
        self.idleLimit = idleLimit
        self.stackSize = stackSize
        self.initializer = initializer
        state = PoolState(limit: workers)
        // Half of it leaves room for as many workers as one likes.
        places = CountingSemaphore(permits: workers + min(queueCapacity, .max / 2))
    }

    private static let last = Atomic<Int>(0)
    private static func nextNumber() -> Int {
        last.wrappingAdd(1, ordering: .relaxed).newValue
    }

    public var statistics: Statistics {
        guardLock.withLock {
            Statistics(
                threads: state.threads, idle: state.threads - state.working,
                queued: state.items.count { !$0.isDone }, running: state.working,
                completed: state.completed)
        }
    }

    /// How many threads it has at most.
    ///
    /// Raised, it lets work begin that waits. Lowered, the workers that are too many end when they
    /// are idle; 0 ends all, and no work is begun. Without effect after ``shutDown``.
    public var workers: Int {
        get { guardLock.withLock { state.limit } }
        set { setWorkers(newValue) }
    }

    // MARK: Giving work

    /// Has `body` run by a worker, waiting for a place while the pool is full.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait for a place; `nil` waits for ever, `.zero` tries once.
    /// - Returns: The future of its result, which may be cancelled until `body` runs.
    /// - Throws: `ThreadPoolError`; `CancellationError` when the caller is cancelled. `body` is not
    ///   run then.
    /// - Source: Python's `Executor.submit`; `gevent.threadpool.ThreadPool.spawn`.
    @available(*, noasync)
    @discardableResult
    public func submit<Success: Sendable>(
        within limit: Duration? = nil, _ body: sending @escaping () throws -> Success
    ) throws -> Future<Success> {
        let work = PoolWorkOf(owner: self, body)
        try enqueue(work, hasPlace: places.acquire(within: limit))
        return work.future
    }

    /// Has `body` run by a worker, suspending the calling task while the pool is full.
    @discardableResult
    public func submit<Success: Sendable>(
        within limit: Duration? = nil, _ body: sending @escaping () throws -> Success
    ) async throws -> Future<Success> {
        let work = PoolWorkOf(owner: self, body)
        try enqueue(work, hasPlace: await places.acquire(within: limit))
        return work.future
    }

    /// Has `body` run by a worker if the pool has a place for it. Never waits.
    /// - Returns: Nil when the pool is full.
    /// - Throws: `ThreadPoolError.shutDown`, `.broken`.
    public func trySubmit<Success: Sendable>(
        _ body: sending @escaping () throws -> Success
    ) throws(ThreadPoolError) -> Future<Success>? {
        let work = PoolWorkOf(owner: self, body)
        do {
            try enqueue(work, hasPlace: places.tryAcquire())
        } catch .full {
            return nil
        }
        return work.future
    }

    // MARK: Ending

    /// Takes no more work. What it was given is done still, or cancelled if it has not begun.
    ///
    /// Whoever waits for a place gets `ThreadPoolError.shutDown`. May be called again, for the
    /// other choices. A pool of 0 workers cancels what it has. Waiting is not ended by a
    /// cancellation.
    /// - Parameters:
    ///   - wait: Blocks the calling thread or parks the calling fiber until all workers have ended;
    ///     one of them traps.
    ///   - cancellingQueued: Cancels the work that has not begun.
    /// - Source: Python's `Executor.shutdown`.
    @available(*, noasync)
    public func shutDown(wait: Bool = true, cancellingQueued: Bool = false) {
        close(cancellingQueued: cancellingQueued)
        guard wait else { return }
        demand(!isWorker(.current), "worker \(Strand.current.name) waits for its own pool to end")
        ended.waitUncancellably()
        for strand in workerStrands { strand.joinUncancellably() }
    }

    /// Takes no more work, suspending the calling task until all workers have ended.
    public func shutDown(wait: Bool = true, cancellingQueued: Bool = false) async {
        close(cancellingQueued: cancellingQueued)
        guard wait else { return }
        await ended.waitUncancellably()
        for strand in workerStrands { await strand.joinUncancellably() }
    }

    /// Lets it finish what it was given: for the end of the program.
    ///
    /// The worker that ends the program does not come back. What the others leave undone, if there
    /// are others, is cancelled.
    func finishAtProgramEnd() {
        let own = kernelThreadID()
        guard let ending = workerStrands.first(where: { $0.nativeID == own }) else {
            return shutDown()
        }
        close(cancellingQueued: false)
        for strand in workerStrands where strand !== ending { strand.joinUncancellably() }
        close(cancellingQueued: true)
    }
}

/// Makes a pool, and does not return before all work that `body` gave it is done.
///
/// Blocks the calling thread or parks the calling fiber. If `body` throws, work that has not begun
/// is done all the same; cancel its futures where that is not wanted.
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

/// Makes a pool, and does not return before all work that `body` gave it is done; suspends the
/// calling task.
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
