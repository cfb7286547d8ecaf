internal import DequeModule
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

extension ProcessPool {
    /// Runs a function on each input, and waits for all results, in the order of the inputs.
    ///
    /// Blocks the calling thread or parks the calling fiber. Inputs go to workers in chunks. Each
    /// chunk is one item of the pool: an error of the function ends its chunk, and a crash fails
    /// it.
    /// - Parameters:
    ///   - chunkSize: How many inputs a chunk has. Nil makes four chunks for each worker, of at
    ///     most 4,096 inputs.
    ///   - timeout: The limit for each chunk.
    /// - Throws: The first error in the order of the inputs, once all are done; otherwise as
    ///   ``submit(_:_:timeout:within:)``.
    /// - Source: Python's `Pool.map`.
    @available(*, noasync)
    public func map<Function: ProcessFunction>(
        _ function: Function.Type, _ inputs: [Function.Input], chunkSize: Int? = nil,
        timeout: Duration? = nil
    ) throws -> [Function.Output] {
        var futures: [Future<[Function.Output]>] = []
        do {
            for chunk in chunks(of: inputs, chunkSize) {
                futures.append(try submitChunk(function, chunk, timeout))
            }
            _ = try Future.wait(of: futures)
        } catch {
            for future in futures { future.cancel() }
            throw error
        }
        return try futures.flatMap { try $0.result() }
    }

    /// As ``map(_:_:chunkSize:timeout:)``, suspending the calling task.
    public func map<Function: ProcessFunction>(
        _ function: Function.Type, _ inputs: [Function.Input], chunkSize: Int? = nil,
        timeout: Duration? = nil
    ) async throws -> [Function.Output] {
        var futures: [Future<[Function.Output]>] = []
        do {
            for chunk in chunks(of: inputs, chunkSize) {
                futures.append(try await submitChunk(function, chunk, timeout))
            }
            _ = try await Future.wait(of: futures)
        } catch {
            for future in futures { future.cancel() }
            throw error
        }
        var outputs: [Function.Output] = []
        for future in futures { outputs += try await future.result() }
        return outputs
    }

    /// Runs a function on each input as you ask for the results. It takes few inputs ahead, and
    /// keeps few results.
    /// - Parameters:
    ///   - chunkSize: How many inputs a chunk has. A chunk is one item of the pool.
    ///   - isOrdered: Whether results come in the order of the inputs, or as soon as they are
    ///     there.
    ///   - timeout: The limit for each chunk.
    /// - Source: Python's `Pool.imap` and `Pool.imap_unordered`.
    public func lazyMap<Function: ProcessFunction>(
        _ function: Function.Type, _ inputs: some Sequence<Function.Input>, chunkSize: Int = 1,
        isOrdered: Bool = true, timeout: Duration? = nil
    ) throws -> ProcessResults<Function> {
        demand(chunkSize >= 1, "a chunk of \(chunkSize) inputs; give 1 or more")
        return ProcessResults(
            self, AnyIterator(inputs.makeIterator()), chunkSize, isOrdered, timeout)
    }

    func chunks<Input>(of inputs: [Input], _ size: Int?) -> [ArraySlice<Input>] {
        let size =
            size ?? min(4_096, max(1, (inputs.count + 4 * core.size - 1) / (4 * core.size)))
        demand(size >= 1, "a chunk of \(size) inputs; give 1 or more")
        return stride(from: 0, to: inputs.count, by: size).map { start in
            inputs[start..<min(start + size, inputs.count)]
        }
    }

    @available(*, noasync)
    func submitChunk<Function: ProcessFunction>(
        _ function: Function.Type, _ inputs: ArraySlice<Function.Input>, _ timeout: Duration?
    ) throws -> Future<[Function.Output]> {
        let item = try chunk(function, Array(inputs), timeout)
        try core.places.acquire()
        try core.submit(item)
        return item.promise.future
    }

    func submitChunk<Function: ProcessFunction>(
        _ function: Function.Type, _ inputs: ArraySlice<Function.Input>, _ timeout: Duration?
    ) async throws -> Future<[Function.Output]> {
        let item = try chunk(function, Array(inputs), timeout)
        try await core.places.acquire()
        try core.submit(item)
        return item.promise.future
    }
}

/// The results of ``ProcessPool/lazyMap(_:_:chunkSize:isOrdered:timeout:)``: `for try await result
/// in …` in async code, `while let result = try ….next()` elsewhere.
///
/// One strand or task asks at a time, and others wait for it. Results before an error come first,
/// and later results can still be asked for after it. An error of the pool itself, for example
/// because it is closed, comes when there are no more results, for each call. The inputs not given
/// to the pool are kept.
public final class ProcessResults<Function: ProcessFunction>: AsyncSequence, AsyncIteratorProtocol,
    @unchecked Sendable
{
    // Sendable: only the holder of `asking` uses the rest.
    public typealias Element = Function.Output

    private let pool: ProcessPool
    private let asking = Lock(onDeadlock: .off)
    private let inputs: AnyIterator<Function.Input>
    private let chunkSize: Int
    private let isOrdered: Bool
    private let timeout: Duration?
    private var underWay: Deque<Future<[Function.Output]>> = []
    private var ready: Deque<Function.Output> = []
    private var hasEnded = false
    /// Inputs that were taken and not yet given to the pool.
    private var chunk: ArraySlice<Function.Input>?
    /// The error because of which the pool did not take a chunk. It is thrown after the results
    /// under way.
    private var refusal: (any Error)?

    init(
        _ pool: ProcessPool, _ inputs: AnyIterator<Function.Input>, _ chunkSize: Int,
        _ isOrdered: Bool, _ timeout: Duration?
    ) {
        self.pool = pool
        self.inputs = inputs
        self.chunkSize = chunkSize
        self.isOrdered = isOrdered
        self.timeout = timeout
    }

    deinit {
        for future in underWay { future.cancel() }
    }

    /// Waits for the next result; nil after the last.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: The function's error, ``WorkerCrashed``, ``ProcessPoolError``;
    ///   `CancellationError`.
    @available(*, noasync)
    public func next() throws -> Function.Output? {
        try asking.acquire()
        defer { asking.release() }
        while ready.isEmpty {
            while mayTakeMore, let inputs = nextInputs() {
                do {
                    underWay.append(try pool.submitChunk(Function.self, inputs, timeout))
                    chunk = nil
                } catch {
                    try keep(error)
                }
            }
            guard let first = underWay.first else { return try nothingMore() }
            let done =
                isOrdered ? first : try Future.wait(for: .firstCompleted, of: underWay).done[0]
            _ = try Future.wait(of: [done])
            try take(done)
        }
        return ready.popFirst()
    }

    /// Waits for the next result, suspending the calling task; nil after the last.
    public func next() async throws -> Function.Output? {
        try await asking.acquire()
        defer { asking.release() }
        while ready.isEmpty {
            while mayTakeMore, let inputs = nextInputs() {
                do {
                    underWay.append(try await pool.submitChunk(Function.self, inputs, timeout))
                    chunk = nil
                } catch {
                    try keep(error)
                }
            }
            guard let first = underWay.first else { return try nothingMore() }
            let done =
                isOrdered
                ? first : try await Future.wait(for: .firstCompleted, of: underWay).done[0]
            _ = try await Future.wait(of: [done])
            try take(done)
        }
        return ready.popFirst()
    }

    public func makeAsyncIterator() -> ProcessResults { self }

    /// Each worker then has one chunk, and finds the next one waiting.
    private var mayTakeMore: Bool { refusal == nil && underWay.count < 2 * pool.core.size }

    private func nextInputs() -> ArraySlice<Function.Input>? {
        if chunk != nil { return chunk }
        var inputs: [Function.Input] = []
        while !hasEnded, inputs.count < chunkSize {
            if let input = self.inputs.next() { inputs.append(input) } else { hasEnded = true }
        }
        chunk = inputs.isEmpty ? nil : inputs[...]
        return chunk
    }

    /// Keeps the error of a chunk that the pool did not take, unless it is the caller's own
    /// cancellation.
    private func keep(_ error: any Error) throws {
        if error is CancellationError { throw error }
        // Report a chunk that cannot be encoded once, like a chunk that fails in a worker.
        if !(error is ProcessPoolError) { chunk = nil }
        refusal = error
    }

    private func nothingMore() throws -> Function.Output? {
        guard let error = refusal.take() else { return nil }
        throw error
    }

    /// Takes the results of a future that is done.
    private func take(_ done: Future<[Function.Output]>) throws {
        underWay.removeAll { $0 === done }
        ready += try done.value()
    }
}
