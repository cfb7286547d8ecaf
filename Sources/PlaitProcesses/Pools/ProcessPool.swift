public import PlaitStrands
internal import PlaitPlatform
internal import PlaitSync

/// Processes that run functions, one each at a time: a crash costs one item, and never the program.
///
/// ```swift
/// let pool = try ProcessPool(workers: 4)
/// let page = try pool.submit(Render.self, document)
/// let pages = try pool.map(Render.self, documents)
/// print(try page.result())
/// pool.close()
/// ```
/// An item whose worker traps, exits or is killed fails with ``WorkerCrashed``; the worker is
/// replaced, and what else it had been given goes to others. Items begin in the order in which they
/// came. Of a pool that is let go of before ``close()``, the workers are killed; a closed one does
/// what it was given. They end with the program too, however that ends.
///
/// Callbacks of a pool's futures (`onCompletion`) run one at a time, in the order in which the
/// answers came, on a thread of the pool that is there for them: they may wait, for other items
/// too, but not in ``join(within:)``, which waits for them.
/// - Source: Python's `multiprocessing.Pool` and `concurrent.futures.ProcessPoolExecutor`, both of
///   which a killed worker hangs or breaks.
public final class ProcessPool: Sendable {
    let core: PoolCore

    /// Starts the workers, without waiting for them.
    /// - Parameters:
    ///   - workers: At least 1; as many as there are processors if not given.
    ///   - queueCapacity: Items that are not done before ``submit(_:_:timeout:within:)`` waits; at
    ///     least 1.
    ///   - tasksPerWorker: Items after which a worker ends and is replaced; nil: never.
    ///   - residentLimit: Bytes of memory that a worker may have resident, as the system counts;
    ///     nil: any number. One that has more after an item is replaced. One that is seen to have
    ///     more while it runs an item, which is looked at some hundred times a second, is killed,
    ///     and the item fails with `ProcessPoolError.tooLarge`. Short items are slower with it:
    ///     they are not given ahead. A hard limit is that of the options, past which allocating
    ///     fails.
    ///   - attempts: Workers that may end with an item before it fails as poisonous; at least 1.
    ///   - options: As those of a process, such as its limit of address space. Without a signal at
    ///     the parent's death it is SIGKILL.
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
    /// every worker runs a function first. If that throws, or a worker takes longer than
    /// `startLimit` until it has, the pool is broken.
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
        // Nobody else would end a worker that waits for work.
        if plan.options.parentDeathSignal == nil { plan.options.parentDeathSignal = .kill }
        core = try PoolCore(plan, workers: workers)
        try core.start()
    }

    deinit { core.letGo() }

    // MARK: Looking

    /// A pool's figures, at one moment.
    public struct Statistics: Hashable, Sendable {
        /// Processes that take work.
        public let workers: Int
        /// Items that no worker has been given.
        public let queued: Int
        /// Items that workers have.
        public let running: Int
        /// Items answered so far, with a value or an error of the function.
        public let completed: Int
        /// Workers that ended with an item, those included that were killed for what it took.
        public let crashed: Int
    }

    public var name: String { core.plan.name }
    public var statistics: Statistics { core.statistics }
    /// The workers' processes, at this moment.
    public var pids: [Int32] { core.pids }

    // MARK: One item

    /// Gives it an input for a function; waits only while the pool is full.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameters:
    ///   - timeout: How long the function may run: past it its worker is killed, and the future
    ///     fails with `ProcessPoolError.timedOut`. Not exact: up to 5 ms late.
    ///   - limit: Longest wait for a place; `nil` waits for ever, `.zero` tries once.
    /// - Throws: ``ProcessPoolError``, ``ProcessFunctionError``; what the input's encoding throws;
    ///   `CancellationError`.
    /// - Source: Python's `Pool.apply_async`, `Executor.submit`.
    @available(*, noasync)
    public func submit<Function: ProcessFunction>(
        _ function: Function.Type, _ input: Function.Input, timeout: Duration? = nil,
        within limit: Duration? = nil
    ) throws -> Future<Function.Output> {
        let item = try item(function, input, timeout)
        guard try core.places.acquire(within: limit) else { throw ProcessPoolError.full }
        try core.submit(item)
        return item.promise.future
    }

    /// Gives it an input for a function, suspending the calling task while the pool is full.
    public func submit<Function: ProcessFunction>(
        _ function: Function.Type, _ input: Function.Input, timeout: Duration? = nil,
        within limit: Duration? = nil
    ) async throws -> Future<Function.Output> {
        let item = try item(function, input, timeout)
        guard try await core.places.acquire(within: limit) else { throw ProcessPoolError.full }
        try core.submit(item)
        return item.promise.future
    }

    /// Has a worker run a function, and waits for its result.
    /// - Throws: As ``submit(_:_:timeout:within:)`` and what the function threw; ``WorkerCrashed``.
    /// - Source: Python's `Pool.apply`.
    @available(*, noasync)
    public func apply<Function: ProcessFunction>(
        _ function: Function.Type, _ input: Function.Input, timeout: Duration? = nil
    ) throws -> Function.Output {
        let future = try submit(function, input, timeout: timeout)
        // The worker may answer sooner than a thread is woken.
        _ = SpinPolicy.process.spin(until: {
            core.drain(isHelping: true)
            return future.isDone
        })
        return try future.result()
    }

    /// Has a worker run a function, and suspends the calling task until its result is there.
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

    /// Gives it several inputs as one item.
    func chunk<Function: ProcessFunction>(
        _ function: Function.Type, _ inputs: [Function.Input], _ timeout: Duration?
    ) throws -> PoolItemOf<[Function.Output]> {
        PoolItemOf(
            try core.number(of: function), try PoolInput(many: inputs), areMany: true,
            limit: timeout, isPlain: Self.isPlain(Function.Output.self)
        ) { try Answer.readMany($0, of: Function.Output.self) }
    }

    /// Whether decoding runs no code of the user's.
    static func isPlain(_ type: Any.Type) -> Bool {
        PackedArray.isPlain(type) || type == String.self || type == Bool.self
            || type == Nothing.self
    }

    // MARK: Changing and ending

    /// Changes how many workers there are; those too many end when they have answered what they
    /// have.
    /// - Source: billiard's `Pool.grow` and `shrink`.
    public func resize(to workers: Int) {
        demand(workers >= 1, "a ProcessPool needs at least 1 worker, not \(workers)")
        core.resize(to: workers)
    }

    /// Takes no more work; workers end when all is done. Does not wait: see ``join(within:)``.
    /// - Source: Python's `Pool.close`.
    public func close() { core.stop(.closed) }

    /// Kills the workers, also those whose initializer still runs. What was not done fails with
    /// `ProcessPoolError.terminated`.
    /// - Source: Python's `Pool.terminate`.
    public func terminate() { core.stop(.terminated) }

    /// Waits until all workers have ended, after ``close()`` or ``terminate()``, and callbacks have
    /// run.
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

/// Makes a pool, and does not return before its workers have ended: those that still work when
/// `body` throws are killed.
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
