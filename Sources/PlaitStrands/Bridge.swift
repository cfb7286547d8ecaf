internal import PlaitLoop
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync

/// Runs async code from a fiber or thread, and waits for its result.
///
/// Blocks the calling thread or parks the calling fiber. The code runs as an unstructured task. If
/// the caller has a hub, the task runs on the hub's own thread, so no other thread is involved and
/// the code must not block. Otherwise it runs on Swift's cooperative pool. It has the caller's
/// task-local values.
/// - Throws: What `operation` throws. When the caller is cancelled, the call cancels the task,
///   waits for its end, and throws `CancellationError`.
/// - Source: Rust's `block_on`; asyncio's `run_until_complete`.
@available(*, noasync)
public func blockOn<Success: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Success
) throws -> Success {
    let box = ResultBox<Success>()
    // The task is not detached, so it has the caller's task-local values.
    let task = Task(executorPreference: Hub.ofThread?.executor) {
        do {
            box.finish(.success(try await operation()))
        } catch {
            box.finish(.failure(error))
        }
    }
    do {
        try box.done.wait()
    } catch {
        task.cancel()
        box.done.waitUncancellably()
        throw error
    }
    return try box.take().get()
}

/// A result that crosses from a task to a strand.
private final class ResultBox<Success: Sendable>: Sendable {
    let done = Event()
    private let result = Guarded<Result<Success, any Error>?>(nil)

    func finish(_ result: Result<Success, any Error>) {
        self.result.withLock { $0 = result }
        done.set()
    }

    func take() -> Result<Success, any Error> {
        guard let result = result.withLock({ $0 }) else {
            preconditionFailure("a task's result was taken before it ended")
        }
        return result
    }
}

extension Hub {
    /// Starts a thread with a hub of its own, which runs until ``BackgroundHub/stop()``.
    ///
    /// The end of the program waits neither for the thread nor for its fibers. If it should wait,
    /// stop the hub first. Blocks the calling thread or parks the calling fiber until the hub is
    /// there.
    /// - Throws: `SystemError`, where there is no thread or descriptor for it; `CancellationError`.
    @available(*, noasync)
    public static func start(name: String) throws -> BackgroundHub {
        let start = HubStart(name: name)
        do {
            return BackgroundHub(try start.made.get().get(), start)
        } catch {
            throw start.given(up: error)
        }
    }

    /// As the sync form, suspending the calling task.
    public static func start(name: String) async throws -> BackgroundHub {
        let start = HubStart(name: name)
        do {
            return BackgroundHub(try await start.made.get().get(), start)
        } catch {
            throw start.given(up: error)
        }
    }
}

/// A thread that only runs the fibers of its hub.
public final class BackgroundHub: Sendable {
    public let hub: Hub
    private let thread: JoinHandle<Void>
    private let stopping: Event

    fileprivate init(_ hub: Hub, _ start: HubStart) {
        self.hub = hub
        thread = start.thread
        stopping = start.stopping
    }

    /// Makes the thread end once its fibers have ended, as ``stop()`` does, without waiting for it.
    package func requestStop() { stopping.set() }

    /// Ends the thread once its fibers have ended, and waits for that. Daemon fibers are cancelled.
    @available(*, noasync)
    public func stop() throws {
        stopping.set()
        try thread.join()
    }

    /// As the sync form, suspending the calling task.
    public func stop() async throws {
        stopping.set()
        try await thread.join()
    }
}

/// A thread that makes its hub, and runs it until it is stopped.
private struct HubStart {
    let thread: JoinHandle<Void>
    let made = Queue<Result<Hub, any Error>>(capacity: 1)
    let stopping = Event()

    init(name: String) {
        // The thread is a daemon: a hub that nobody stops must not keep the program from ending.
        thread = TaskBindings.without { [made, stopping] in
            spawn(.thread, name: name, isDaemon: true) {
                do {
                    try made.put(.success(try Hub.make()))
                } catch {
                    try made.put(.failure(error))
                    return
                }
                try stopping.wait()
            }
        }
    }

    /// Lets the thread end: the start was cancelled or failed, so nobody has the hub to stop it.
    func given(up error: any Error) -> any Error {
        stopping.set()
        return error
    }
}
