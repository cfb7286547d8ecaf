internal import PlaitParking

/// Runs a call that blocks, on a thread of a bulkhead, and waits for its result.
///
/// For what Plait cannot park: C libraries, file systems, long computations. Parks the calling
/// fiber, so that the others of its hub go on; a thread's own strand that has a hub runs it
/// meanwhile. A thread without a hub blocks nobody but itself: unless a bulkhead is named, `body`
/// runs in place there. So it does on a thread of the named bulkhead, which has a place in it
/// already.
///
/// A cancellation ends the wait as long as `body` waits for a thread, and it is not run then. A
/// call that runs cannot be stopped: it is waited for, and its result returned; see
/// ``ThreadPool/run(_:)``.
/// - Parameter bulkhead: nil for ``Bulkhead/shared``.
/// - Throws: What `body` throws; `CancellationError`.
/// - Source: `eventlet.tpool.execute`; `gevent.get_hub().threadpool.apply`.
@available(*, noasync)
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
/// The task's cancellation ends the wait if `body` has not begun, which is not run then. A call
/// that runs cannot be stopped: it is waited for, and its result returned.
/// - Parameter bulkhead: nil for ``Bulkhead/shared``.
/// - Throws: What `body` throws; `CancellationError`.
/// - Source: asyncio's `to_thread`.
public func blocking<Success>(
    on bulkhead: Bulkhead? = nil, _ body: sending @escaping () throws -> Success
) async throws -> sending Success {
    try await (bulkhead ?? .shared).run(body)
}
