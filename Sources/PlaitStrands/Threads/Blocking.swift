internal import PlaitParking

/// Runs a call that blocks, on a thread of a bulkhead, and waits for its result.
///
/// Use it for code that Plait cannot park: C libraries, file systems, long computations. It parks
/// the calling fiber, so that the other fibers of its hub go on. The own strand of a thread with a
/// hub runs the hub meanwhile. A thread without a hub blocks nobody but itself, so `body` runs in
/// place there, unless you name a bulkhead. `body` also runs in place on a thread of the named
/// bulkhead.
///
/// While `body` waits for a thread, a cancellation ends the wait, and `body` does not run. A call
/// that runs cannot be stopped: the caller waits for it and gets its result; see
/// ``ThreadPool/run(_:)``.
/// - Parameter bulkhead: nil for ``Bulkhead/shared``.
/// - Throws: What `body` throws; `CancellationError`.
/// - Source: `eventlet.tpool.execute`; `gevent.get_hub().threadpool.apply`.
@available(*, noasync, message: "in a task: try await pool.submit { … }.result(), on a ThreadPool")
public func blocking<Success>(
    on bulkhead: Bulkhead? = nil, _ body: sending @escaping () throws -> Success
) throws -> sending Success {
    if let bulkhead { return try bulkhead.run(body) }
    if Hub.ofThread == nil { return try body() }
    return try Bulkhead.shared.run(body)
}

/// Runs a call that blocks, on a thread of a bulkhead, off Swift's cooperative pool, and suspends
/// the calling task until it has a result.
///
/// If `body` has not begun, the task's cancellation ends the wait, and `body` does not run. A call
/// that runs cannot be stopped: the task waits for it and gets its result.
/// - Parameter bulkhead: nil for ``Bulkhead/shared``.
/// - Throws: What `body` throws; `CancellationError`.
/// - Source: asyncio's `to_thread`.
public func blocking<Success>(
    on bulkhead: Bulkhead? = nil, _ body: sending @escaping () throws -> Success
) async throws -> sending Success {
    try await (bulkhead ?? .shared).run(body)
}
