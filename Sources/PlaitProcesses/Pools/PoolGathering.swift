internal import PlaitParking
internal import PlaitPlatform
public import PlaitStrands
internal import PlaitSync

extension ProcessPool {
    /// Submits several inputs for a function, and returns the future of all results, in the order
    /// of the inputs.
    ///
    /// Blocks the calling thread or parks the calling fiber, but only while the pool is full.
    /// Inputs go to workers in chunks, as with ``map(_:_:chunkSize:timeout:)``. The future is done
    /// when all chunks are done. If there were errors, it has the first one in the order of the
    /// inputs. It can be cancelled until the first chunk begins.
    /// - Parameters:
    ///   - chunkSize: How many inputs a chunk has. Nil makes four chunks for each worker, of at
    ///     most 4,096 inputs.
    ///   - timeout: The limit for each chunk.
    /// - Throws: ``ProcessPoolError``, ``ProcessFunctionError``; errors of an input's encoding;
    ///   `CancellationError`. Chunks that were given by then do not begin any more.
    /// - Source: Python's `Pool.map_async` and `Pool.starmap_async`.
    @available(*, noasync)
    public func submit<Function: ProcessFunction>(
        _ function: Function.Type, each inputs: [Function.Input], chunkSize: Int? = nil,
        timeout: Duration? = nil
    ) throws -> Future<[Function.Output]> {
        let chunks = chunks(of: inputs, chunkSize)
        let gathering = PoolGathering<Function.Output>(chunks.count)
        do {
            for (index, chunk) in chunks.enumerated() {
                let item = try part(gathering, index, function, chunk, timeout)
                try core.places.acquire()
                try core.submit(item)
            }
        } catch {
            gathering.abandon()
            throw error
        }
        return gathering.promise.future
    }

    /// As the sync form, suspending the calling task while the pool is full.
    public func submit<Function: ProcessFunction>(
        _ function: Function.Type, each inputs: [Function.Input], chunkSize: Int? = nil,
        timeout: Duration? = nil
    ) async throws -> Future<[Function.Output]> {
        let chunks = chunks(of: inputs, chunkSize)
        let gathering = PoolGathering<Function.Output>(chunks.count)
        do {
            for (index, chunk) in chunks.enumerated() {
                let item = try part(gathering, index, function, chunk, timeout)
                try await core.places.acquire()
                try core.submit(item)
            }
        } catch {
            gathering.abandon()
            throw error
        }
        return gathering.promise.future
    }

    private func part<Function: ProcessFunction>(
        _ gathering: PoolGathering<Function.Output>, _ index: Int, _ function: Function.Type,
        _ inputs: ArraySlice<Function.Input>, _ timeout: Duration?
    ) throws -> PoolItem {
        PoolPart(
            gathering, index, try core.number(of: function),
            try PoolInput(many: Array(inputs)), limit: timeout,
            isPlain: Self.isPlain(Function.Output.self))
    }
}

/// Gathers the results of several items for one future.
private final class PoolGathering<Output: Decodable & Sendable>: @unchecked Sendable {
    // Sendable: `guardLock` guards `parts`, `left` and `isAbandoned`.
    let promise = Promise<[Output]>()
    private let guardLock = ShortLock()
    private var parts: [Result<[Output], any Error>?]
    private var left: Int
    private var isAbandoned = false

    init(_ count: Int) {
        parts = Array(repeating: nil, count: count)
        left = count
        if count == 0 { try? promise.fulfil([]) }
    }

    /// Notes that nobody wants the results. Chunks that have not begun will not begin.
    func abandon() { guardLock.withLock { isAbandoned = true } }

    /// See ``PoolItem/begin(claiming:)``.
    func begin(claiming claimed: inout ClaimedWaiters) -> Bool {
        if guardLock.withLock({ isAbandoned }) { return false }
        return promise.future.isRunning || promise.begin(claiming: &claimed)
    }

    /// Adds a part. The last part finishes the future, and the call returns its callbacks.
    func put(_ part: Result<[Output], any Error>, at index: Int) -> (@Sendable () -> Void)? {
        guardLock.lock()
        parts[index] = part
        left -= 1
        let all = left == 0 ? parts : nil
        guardLock.unlock()
        guard let all else { return nil }
        return promise.finish(with: Result { try all.flatMap { try $0?.get() ?? [] } })
    }
}

/// A chunk of inputs whose results belong to a ``PoolGathering``.
private final class PoolPart<Output: Decodable & Sendable>: PoolItem, @unchecked Sendable {
    // Sendable: constant.
    private let gathering: PoolGathering<Output>
    private let index: Int

    init(
        _ gathering: PoolGathering<Output>, _ index: Int, _ function: UInt32, _ input: PoolInput,
        limit: Duration?, isPlain: Bool
    ) {
        self.gathering = gathering
        self.index = index
        super.init(function, input, areMany: true, limit: limit, isPlain: isPlain)
    }

    override func begin(claiming claimed: inout ClaimedWaiters) -> Bool {
        gathering.begin(claiming: &claimed)
    }

    override var hasCallbacks: Bool { gathering.promise.future.hasCallbacks }

    override func end(_ ending: Ending) -> (@Sendable () -> Void)? {
        switch ending {
        case .answer(let bytes):
            gathering.put(Result { try Answer.readMany(bytes, of: Output.self) }, at: index)
        case .failure(let error): gathering.put(.failure(error), at: index)
        }
    }
}
