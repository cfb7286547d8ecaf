public import PlaitParking
internal import PlaitSync
internal import Synchronization

/// A strand that calls a closure after a delay, unless it is cancelled before.
///
/// The delay begins when the object is made. Dropping the object changes nothing. An error of the
/// closure is reported like that of any strand: see ``UncaughtErrors``.
/// - Source: Python's `threading.Timer`.
public final class DelayedCall: Sendable {
    private let switchState: DelayedCallState
    private let handle: JoinHandle<Void>

    /// Starts a thread that calls `body` after `delay`.
    ///
    /// The end of the program waits for the thread and its delay, unless it is a daemon.
    public init(
        _ kind: ThreadKind = .thread, after delay: Duration, name: String? = nil,
        isDaemon: Bool = false, _ body: sending @escaping () throws -> Void
    ) {
        let state = DelayedCallState()
        switchState = state
        handle = spawn(.thread, name: name, isDaemon: isDaemon) {
            if try state.begins(after: delay) { try body() }
        }
    }

    /// Starts a fiber on the calling thread's hub that calls `body` after `delay`.
    @available(*, noasync, message: "a task has no hub: say on which, or use Task.sleep")
    public init(
        _ kind: FiberKind, after delay: Duration, name: String? = nil, isDaemon: Bool = false,
        _ body: @escaping () throws -> Void
    ) {
        let state = DelayedCallState()
        switchState = state
        handle = spawn(.fiber, name: name, isDaemon: isDaemon) {
            if try state.begins(after: delay) { try body() }
        }
    }

    /// The strand that waits and then runs the body.
    public var strand: Strand { handle.strand }

    /// Whether the strand waits or runs.
    public var isAlive: Bool { handle.isAlive }

    /// Stops the call if it has not begun to run. Any thread may cancel.
    /// - Returns: Whether this call stopped it.
    /// - Source: Python's `Timer.cancel`.
    @discardableResult
    public func cancel() -> Bool { switchState.cancel() }

    /// Waits until the call has run or was cancelled. Otherwise as `JoinHandle.join`.
    @available(*, noasync)
    public func join(within limit: Duration? = nil) throws { try handle.join(within: limit) }

    /// Waits until the call has run or was cancelled, suspending the calling task.
    public func join(within limit: Duration? = nil) async throws {
        try await handle.join(within: limit)
    }
}

/// Whether a delayed call runs or was cancelled, whichever came first.
private final class DelayedCallState: Sendable {
    private let isDecided = Atomic<Bool>(false)
    private let isCancelled = Event()

    /// Waits for the delay. Returns false when the call was cancelled.
    @available(*, noasync)
    func begins(after delay: Duration) throws -> Bool {
        if try isCancelled.wait(within: delay) { return false }
        return decide()
    }

    func cancel() -> Bool {
        guard decide() else { return false }
        isCancelled.set()
        return true
    }

    private func decide() -> Bool {
        isDecided.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
    }
}
