internal import PlaitParking

/// A limited number of threads for calls that block, with a name and statistics.
///
/// Calls beyond the limit wait in a queue, and callers wait while the queue is full. So one slow
/// service takes only the threads of its own bulkhead.
/// - Source: `eventlet.tpool`; asyncio's default executor.
public final class Bulkhead: Sendable {
    /// The bulkhead of ``blocking(on:_:)`` if you name none: 64 threads called `blocking-N`.
    public static let shared = Bulkhead(limit: 64, name: "blocking")

    private let pool: ThreadPool

    /// - Parameters:
    ///   - limit: How many calls run at the same time; at least 1.
    ///   - queueCapacity: How many calls wait for a thread before callers wait for a place in the
    ///     queue.
    ///   - name: The name of the bulkhead's threads, before `-` and a number.
    ///   - idleLimit: How long a thread without a call lives.
    public init(
        limit: Int, queueCapacity: Int = 1_024, name: String? = nil,
        idleLimit: Duration = .seconds(10)
    ) {
        pool = ThreadPool(
            workers: limit, queueCapacity: queueCapacity, name: name, idleLimit: idleLimit)
    }

    public var name: String { pool.name }
    public var statistics: ThreadPool.Statistics { pool.statistics }

    /// How many calls run at the same time. See ``ThreadPool/workers``.
    public var limit: Int {
        get { pool.workers }
        set { pool.workers = newValue }
    }

    /// Runs `body` on one of the bulkhead's threads; in place if the caller is on such a thread.
    @available(*, noasync)
    func run<Success>(
        _ body: sending @escaping () throws -> Success
    ) throws -> sending Success {
        if pool.core.isWorker(.current) { return try body() }
        return try pool.run(body)
    }

    func run<Success>(
        _ body: sending @escaping () throws -> Success
    ) async throws -> sending Success {
        try await pool.run(body)
    }

    /// Gives `body` to one of the bulkhead's threads, for a caller that does not wait for the
    /// result, or not at once. See ``ThreadPool/submit(within:_:)``.
    @available(*, noasync)
    @discardableResult
    public func submit<Success: Sendable>(
        _ body: sending @escaping () throws -> Success
    ) throws -> Future<Success> {
        try pool.submit(body)
    }

    /// Gives `body` to one of the bulkhead's threads, suspending the calling task while the queue
    /// is full.
    @discardableResult
    public func submit<Success: Sendable>(
        _ body: sending @escaping () throws -> Success
    ) async throws -> Future<Success> {
        try await pool.submit(body)
    }
}
