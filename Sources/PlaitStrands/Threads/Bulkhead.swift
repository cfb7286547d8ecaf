internal import PlaitParking

/// Threads for calls that block: so many at most, visible by name and in figures.
///
/// Calls beyond the limit wait in a queue, and those beyond its capacity outside of it: one slow
/// service takes its bulkhead's threads, and none of the others'.
/// - Source: `eventlet.tpool`; asyncio's default executor.
public final class Bulkhead: Sendable {
    /// The one of ``blocking(on:_:)`` where none is named: 64 threads `blocking-N`.
    public static let shared = Bulkhead(limit: 64, name: "blocking")

    private let pool: ThreadPool

    /// - Parameters:
    ///   - limit: Calls that run at the same time; at least 1.
    ///   - queueCapacity: Calls that wait for a thread before callers wait for a place in the
    ///     queue.
    ///   - name: Of its threads, before `-` and a number.
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

    /// Calls that run at the same time. See ``ThreadPool/workers``.
    public var limit: Int {
        get { pool.workers }
        set { pool.workers = newValue }
    }

    /// Runs `body` on one of its threads; in place on such a thread.
    @available(*, noasync)
    func run<Success>(
        _ body: sending @escaping () throws -> Success
    ) throws -> sending Success {
        if pool.isWorker(.current) { return try body() }
        return try pool.run(body)
    }

    func run<Success>(
        _ body: sending @escaping () throws -> Success
    ) async throws -> sending Success {
        try await pool.run(body)
    }

    /// Has `body` run on one of its threads, for a caller that does not wait, or not as long as it
    /// takes. See ``ThreadPool/submit(within:_:)``.
    @available(*, noasync)
    @discardableResult
    public func submit<Success: Sendable>(
        _ body: sending @escaping () throws -> Success
    ) throws -> Future<Success> {
        try pool.submit(body)
    }

    /// Has `body` run on one of its threads, suspending the calling task while its queue is full.
    @discardableResult
    public func submit<Success: Sendable>(
        _ body: sending @escaping () throws -> Success
    ) async throws -> Future<Success> {
        try await pool.submit(body)
    }
}
