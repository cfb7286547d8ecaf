public import PlaitParking

/// The type of the argument `.fiber` of `spawn`.
public struct FiberKind: Sendable {
    @inlinable public static var fiber: FiberKind { FiberKind() }
    @inlinable init() {}
}

/// The type of the argument `.thread` of `spawn`.
public struct ThreadKind: Sendable {
    @inlinable public static var thread: ThreadKind { ThreadKind() }
    @inlinable init() {}
}

/// Starts a fiber that runs `body` on the calling thread's hub.
///
/// The caller keeps running. The fiber starts when the caller next waits or yields, after the
/// fibers that are ready already. `body` may share values that are not `Sendable` with the caller,
/// since both stay on this thread.
///
/// If the fiber cannot start, it ends with a `SystemError` that says why.
/// ``JoinHandle/join(within:)`` throws the error of `body`. If nobody joins, the error is reported
/// with the strand's name when the last handle is dropped (see ``UncaughtErrors``).
///
/// Async code cannot call it, since it does not stay on one thread. Spawn on a ``BackgroundHub``
/// there.
/// - Parameters:
///   - name: The name in reports; nil takes the kind and number.
///   - isDaemon: Whether the fiber is cancelled when its hub's thread ends. Otherwise the thread
///     waits for it.
///   - stackSize: In bytes; nil takes the hub's own size, which is ``Hub/defaultStackSize`` by
///     default.
/// - Source: `gevent.spawn`.
@available(*, noasync, message: "a task has no hub: spawn(.fiber, on: hub), on a BackgroundHub")
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
/// As ``spawn(_:name:isDaemon:stackSize:_:)-fiber``, but the thread starts at once and runs beside
/// the caller. If it has a hub, it waits for the hub's fibers before it ends.
/// - Parameters:
///   - name: The name in reports. The kernel's name of the thread is its first 15 bytes.
///   - isDaemon: Whether the program ends without waiting for the thread: see ``ProgramEnd``.
///   - stackSize: In bytes; nil takes ``ThreadOptions/defaultStackSize``. A size below the system's
///     minimum, usually 16 KiB, is an error, EINVAL.
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

/// Starts a strand of a kind that the program chooses at run time.
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

/// Starts a fiber on another thread's hub, as soon as that hub looks at its messages.
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
