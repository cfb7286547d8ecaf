public import PlaitParking
internal import PlaitSync
internal import Synchronization

/// A strand of its own that does something after a while, unless it is cancelled before.
///
/// It waits from the moment it is made. Dropping it changes nothing; what it throws is reported as
/// that of any strand, see ``UncaughtErrors``.
/// - Source: Python's `threading.Timer`.
public final class DelayedCall: Sendable {
    private let switchState: DelayedCallState
    private let handle: JoinHandle<Void>

    /// Starts a thread that calls `body` after `delay`.
    ///
    /// The program's end waits for it, delay included, unless it is a daemon.
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
    @available(*, noasync)
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

    /// What waits, and then runs the body.
    public var strand: Strand { handle.strand }

    /// Whether it waits or runs.
    public var isAlive: Bool { handle.isAlive }

    /// Stops it if it has not begun to run. Any thread.
    /// - Returns: Whether this call stopped it.
    /// - Source: Python's `Timer.cancel`.
    @discardableResult
    public func cancel() -> Bool { switchState.cancel() }

    /// Waits until it has run, or has ended as cancelled. As `JoinHandle.join` otherwise.
    @available(*, noasync)
    public func join(within limit: Duration? = nil) throws { try handle.join(within: limit) }

    /// Waits until it has run, or has ended as cancelled, suspending the calling task.
    public func join(within limit: Duration? = nil) async throws {
        try await handle.join(within: limit)
    }
}

/// Whether a delayed call runs or was cancelled, whichever came first.
private final class DelayedCallState: Sendable {
    private let isDecided = Atomic<Bool>(false)
    private let isCancelled = Event()

    /// Waits; false when it was cancelled.
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
