public import PlaitParking

/// The word `.fiber`, for `spawn`.
public struct FiberKind: Sendable {
    @inlinable public static var fiber: FiberKind { FiberKind() }
    @inlinable init() {}
}

/// The word `.thread`, for `spawn`.
public struct ThreadKind: Sendable {
    @inlinable public static var thread: ThreadKind { ThreadKind() }
    @inlinable init() {}
}

/// Starts a fiber that runs `body` on the calling thread's hub.
///
/// The caller keeps running; the fiber starts when the caller next waits or yields, after those
/// that are ready already. `body` may share what is not `Sendable` with the caller: both stay on
/// this thread.
///
/// A strand that could not be started has ended with the `SystemError` that says why. An error that
/// `body` throws is thrown by ``JoinHandle/join(within:)``; if nobody joins, it is reported with
/// the strand's name when the handle goes (see ``UncaughtErrors``).
///
/// Unavailable to async code, which does not stay on a thread: spawn on a ``BackgroundHub`` there.
/// - Parameters:
///   - name: For reports; its kind and number if nil.
///   - isDaemon: Nobody is to wait for it: when its hub's thread ends, a daemon fiber is cancelled.
///   - stackSize: Bytes; nil for the hub's own, ``Hub/defaultStackSize`` if it was not given
///     another.
/// - Source: `gevent.spawn`.
@available(*, noasync)
@discardableResult
@inlinable
public func spawn<Success: Sendable>(
    _ kind: FiberKind, name: String? = nil, isDaemon: Bool = false, stackSize: Int? = nil,
    _ body: @escaping () throws -> Success
) -> JoinHandle<Success> {
    startFiber(FiberPlan(nil, name, isDaemon, stackSize), body)
}

/// Starts an operating-system thread that runs `body`.
///
/// As ``spawn(_:name:isDaemon:stackSize:_:)-fiber``, but at once, beside the caller. Before the
/// thread ends it waits for the fibers of its hub, if it got one.
/// - Parameters:
///   - name: Also the kernel's, which keeps 15 bytes of it.
///   - isDaemon: The program does not wait for it at its end: see ``ProgramEnd``.
///   - stackSize: Bytes; nil for ``ThreadOptions/defaultStackSize``. Less than the system's least,
///     usually 16 KiB, is an error, EINVAL.
///   - options: Processors and priority.
/// - Source: Python's `threading.Thread`.
@discardableResult
@inlinable
public func spawn<Success: Sendable>(
    _ kind: ThreadKind, name: String? = nil, isDaemon: Bool = false, stackSize: Int? = nil,
    options: ThreadOptions = ThreadOptions(), _ body: sending @escaping () throws -> Success
) -> JoinHandle<Success> {
    startThread(ThreadPlan(name, isDaemon, stackSize, options), body)
}

/// Starts a strand of a kind that is chosen when the program runs.
@discardableResult
@inlinable
public func spawn<Success: Sendable>(
    kind: StrandKind, name: String? = nil, isDaemon: Bool = false, stackSize: Int? = nil,
    _ body: sending @escaping () throws -> Success
) -> JoinHandle<Success> {
    switch kind {
    case .fiber: startFiber(FiberPlan(nil, name, isDaemon, stackSize), body)
    case .thread: startThread(ThreadPlan(name, isDaemon, stackSize), body)
    }
}

/// Starts a fiber on another thread's hub, as soon as that looks at its messages.
@discardableResult
@inlinable
public func spawn<Success: Sendable>(
    _ kind: FiberKind, on hub: Hub, name: String? = nil, isDaemon: Bool = false,
    stackSize: Int? = nil, _ body: sending @escaping () throws -> Success
) -> JoinHandle<Success> {
    startFiber(FiberPlan(hub, name, isDaemon, stackSize), body)
}

@inlinable
func startFiber<Success: Sendable>(
    _ plan: FiberPlan, _ body: @escaping () throws -> Success
) -> JoinHandle<Success> {
    let fiber = FiberOf(plan, body)
    fiber.start()
    return JoinHandle(fiber)
}

@inlinable
func startThread<Success: Sendable>(
    _ plan: ThreadPlan, _ body: @escaping () throws -> Success
) -> JoinHandle<Success> {
    JoinHandle(SpawnedThread.start(plan) { $0.keepResult(of: body) })
}
