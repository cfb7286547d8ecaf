public import PlaitStrands
internal import PlaitPlatform
internal import PlaitSync

/// A pool of processes that run functions. Each runs one at a time. A crash costs one item, and
/// never the program.
///
/// ```swift
/// let pool = try ProcessPool(workers: 4)
/// let page = try pool.submit(Render.self, document)
/// let pages = try pool.map(Render.self, documents)
/// print(try page.result())
/// pool.close()
/// ```
/// If a worker traps, exits or is killed, its item fails with ``WorkerCrashed``. The pool replaces
/// the worker, and its other items go to other workers. Items begin in the order in which they
/// came. If a pool is dropped before ``close()``, its workers are killed; a closed pool does its
/// remaining work. Workers also end with the program, however that ends.
///
/// Callbacks of a pool's futures (`onCompletion`) run one at a time, in the order in which the
/// answers came, on a thread of the pool for them. They may wait, even for other items, but not in
/// ``join(within:)``, which waits for them.
/// - Source: Python's `multiprocessing.Pool` and `concurrent.futures.ProcessPoolExecutor`. There a
///   killed worker hangs the first and breaks the second.
public final class ProcessPool: Sendable {
    let core: PoolCore

    /// Starts the workers, without waiting for them.
    /// - Parameters:
    ///   - workers: How many workers; at least 1, and by default the number of processors.
    ///   - queueCapacity: How many items may be not done before ``submit(_:_:timeout:within:)``
    ///     waits; at least 1.
    ///   - tasksPerWorker: After how many items a worker ends and is replaced; nil means never.
    ///   - residentLimit: How many resident bytes a worker may have, as the system counts them; nil
    ///     sets no limit. A worker that has more after an item is replaced. While an item runs, the
    ///     pool checks some hundred times a second; a worker that has more then is killed, and its
    ///     item fails with `ProcessPoolError.tooLarge`. Short items are slower with a limit, since
    ///     workers get none ahead. For a hard limit, beyond which allocations fail, use the
    ///     options.
    ///   - attempts: How many workers may end with an item before the item fails; at least 1.
    ///   - options: The options of the processes, such as a limit of address space. If they have no
    ///     signal for the parent's death, it is SIGKILL.
    /// - Throws: `SystemError`: EMFILE, EAGAIN at the limit of threads, ENOMEM.
    public convenience init(
        workers: Int? = nil, name: String = "pool", method: StartMethod = .forkServer,
        queueCapacity: Int = 65_536, tasksPerWorker: Int? = nil, residentLimit: Int? = nil,
        attempts: Int = 1, options: ChildProcess.Options = .ofFunction
    ) throws {
        try self.init(
            workers ?? processorCount,
            PoolCore.Plan(
                name: name, method: method, queueCapacity: queueCapacity,
                tasksPerWorker: tasksPerWorker, residentLimit: residentLimit, attempts: attempts,
                options: options))
    }

    /// As
    /// ``init(workers:name:method:queueCapacity:tasksPerWorker:residentLimit:attempts:options:)``;
    /// every worker first runs a function. If the function throws, or a worker takes longer than
    /// `startLimit` for it, the pool is broken.
    public convenience init<Initializer: ProcessFunction>(
        workers: Int? = nil, name: String = "pool", method: StartMethod = .forkServer,
        queueCapacity: Int = 65_536, tasksPerWorker: Int? = nil, residentLimit: Int? = nil,
        attempts: Int = 1, options: ChildProcess.Options = .ofFunction,
        startLimit: Duration = .seconds(60), initializer: Initializer.Type,
        _ input: Initializer.Input
    ) throws {
        var plan = PoolCore.Plan(
            name: name, method: method, queueCapacity: queueCapacity,
            tasksPerWorker: tasksPerWorker, residentLimit: residentLimit, attempts: attempts,
            options: options)
        plan.initializer = try TypeName(reachable: initializer)
        plan.startLimit = startLimit
        let bag = DescriptorBag()
        plan.initializerInput = try MessagePackEncoder().encode(input, with: bag)
        plan.initializerBag = try DescriptorBag(copying: bag)
        try self.init(workers ?? processorCount, plan)
    }

    private init(_ workers: Int, _ plan: PoolCore.Plan) throws {
        demand(workers >= 1, "a ProcessPool needs at least 1 worker, not \(workers)")
        demand(plan.method != .fork, "a ProcessPool has a thread, and cannot fork its workers")
        for (name, value) in [
            ("queueCapacity", plan.queueCapacity), ("tasksPerWorker", plan.tasksPerWorker ?? 1),
            ("residentLimit", plan.residentLimit ?? 1), ("attempts", plan.attempts),
        ] {
            demand(value >= 1, "a ProcessPool with a \(name) of \(value); give 1 or more")
        }
        var plan = plan
        // Nothing else would end a worker that waits for work.
        if plan.options.parentDeathSignal == nil { plan.options.parentDeathSignal = .kill }
        core = try PoolCore(plan, workers: workers)
        try core.start()
    }

    deinit { core.letGo() }

    // MARK: Looking

    /// The figures of a pool at one moment.
    public struct Statistics: Hashable, Sendable {
        /// How many processes take work.
        public let workers: Int
        /// How many items no worker has got yet.
        public let queued: Int
        /// How many items workers have.
        public let running: Int
        /// How many items have been answered so far, with a value or an error of the function.
        public let completed: Int
        /// How many workers ended with an item, including those that the pool killed because of its
        /// limits.
        public let crashed: Int
    }

    public var name: String { core.plan.name }
    public var statistics: Statistics { core.statistics }
    /// The processes of the workers at this moment.
    public var pids: [Int32] { core.pids }

    private var stayedFull: TimedOut {
        TimedOut("submit to process pool \(name), which stayed full,")
    }

    // MARK: One item

    /// Submits an input for a function. Waits only while the pool is full.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameters:
    ///   - timeout: How long the function may run. After that its worker is killed, at most 5 ms
    ///     late, and the future fails with `ProcessPoolError.timedOut`.
    ///   - limit: Longest wait for a place; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `TimedOut` past `limit`; ``ProcessPoolError``, ``ProcessFunctionError``; errors of
    ///   the input's encoding; `CancellationError`.
    /// - Source: Python's `Pool.apply_async`, `Executor.submit`.
    @available(*, noasync)
    public func submit<Function: ProcessFunction>(
        _ function: Function.Type, _ input: Function.Input, timeout: Duration? = nil,
        within limit: Duration? = nil
    ) throws -> Future<Function.Output> {
        let item = try item(function, input, timeout)
        guard try core.places.acquire(within: limit) else { throw stayedFull }
        try core.submit(item)
        return item.promise.future
    }

    /// Submits an input for a function, suspending the calling task while the pool is full.
    public func submit<Function: ProcessFunction>(
        _ function: Function.Type, _ input: Function.Input, timeout: Duration? = nil,
        within limit: Duration? = nil
    ) async throws -> Future<Function.Output> {
        let item = try item(function, input, timeout)
        guard try await core.places.acquire(within: limit) else { throw stayedFull }
        try core.submit(item)
        return item.promise.future
    }

    /// Runs a function in a worker, and waits for its result.
    /// - Throws: As ``submit(_:_:timeout:within:)``; the function's error; ``WorkerCrashed``.
    /// - Source: Python's `Pool.apply`.
    @available(*, noasync)
    public func apply<Function: ProcessFunction>(
        _ function: Function.Type, _ input: Function.Input, timeout: Duration? = nil
    ) throws -> Function.Output {
        let future = try submit(function, input, timeout: timeout)
        // The worker may answer sooner than a thread can be woken.
        _ = SpinPolicy.process.spin(until: {
            core.drain(isHelping: true)
            return future.isDone
        })
        return try future.result()
    }

    /// Runs a function in a worker, and suspends the calling task until its result is there.
    public func apply<Function: ProcessFunction>(
        _ function: Function.Type, _ input: Function.Input, timeout: Duration? = nil
    ) async throws -> Function.Output {
        try await submit(function, input, timeout: timeout).result()
    }

    private func item<Function: ProcessFunction>(
        _ function: Function.Type, _ input: Function.Input, _ timeout: Duration?
    ) throws -> PoolItemOf<Function.Output> {
        PoolItemOf(
            try core.number(of: function), try PoolInput(input), limit: timeout,
            isPlain: Self.isPlain(Function.Output.self)
        ) { try Answer.read($0, as: Function.Output.self) }
    }

    /// Submits several inputs as one item.
    func chunk<Function: ProcessFunction>(
        _ function: Function.Type, _ inputs: [Function.Input], _ timeout: Duration?
    ) throws -> PoolItemOf<[Function.Output]> {
        PoolItemOf(
            try core.number(of: function), try PoolInput(many: inputs), areMany: true,
            limit: timeout, isPlain: Self.isPlain(Function.Output.self)
        ) { try Answer.readMany($0, of: Function.Output.self) }
    }

    /// Whether decoding runs no user code.
    static func isPlain(_ type: Any.Type) -> Bool {
        PackedArray.isPlain(type) || type == String.self || type == Bool.self
            || type == Nothing.self
    }

    // MARK: Changing and ending

    /// Changes the number of workers. Surplus workers end when they have answered their items.
    /// - Source: billiard's `Pool.grow` and `shrink`.
    public func resize(to workers: Int) {
        demand(workers >= 1, "a ProcessPool needs at least 1 worker, not \(workers)")
        core.resize(to: workers)
    }

    /// Makes the pool take no more work. Workers end when all work is done. Does not wait: see
    /// ``join(within:)``.
    /// - Source: Python's `Pool.close`.
    public func close() { core.stop(.closed) }

    /// Kills the workers, even those whose initializer is still running. Items that are not done
    /// fail with `ProcessPoolError.terminated`.
    /// - Source: Python's `Pool.terminate`.
    public func terminate() { core.stop(.terminated) }

    /// Waits until all workers have ended, after ``close()`` or ``terminate()``, and all callbacks
    /// have run.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Returns: False when the limit passed first.
    /// - Source: Python's `Pool.join`.
    @available(*, noasync)
    @discardableResult
    public func join(within limit: Duration? = nil) throws -> Bool {
        try core.ended.wait(within: limit)
    }

    /// Waits until all workers have ended, suspending the calling task.
    @discardableResult
    public func join(within limit: Duration? = nil) async throws -> Bool {
        try await core.ended.wait(within: limit)
    }
}

/// Makes a pool, and returns only when its workers have ended. If `body` throws, workers that are
/// still working are killed.
@available(*, noasync)
public func withProcessPool<Result>(
    workers: Int? = nil, name: String = "pool", method: StartMethod = .forkServer,
    _ body: (ProcessPool) throws -> Result
) throws -> Result {
    let pool = try ProcessPool(workers: workers, name: name, method: method)
    do {
        let result = try body(pool)
        pool.close()
        try pool.join()
        return result
    } catch {
        pool.terminate()
        _ = try? pool.join()
        throw error
    }
}
