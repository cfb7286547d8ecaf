internal import PlaitLoop
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync

/// Runs async code from a fiber or thread, and waits for its result.
///
/// Blocks the calling thread or parks the calling fiber. The code runs as a detached task: on the
/// hub's own thread if the caller has a hub (so that no other thread is involved, and nothing it
/// calls may block), else on Swift's cooperative pool. It has the caller's task-local values.
/// - Throws: What `operation` throws. When the caller is cancelled, the task is cancelled too,
///   waited for, and `CancellationError` thrown.
/// - Source: Rust's `block_on`; asyncio's `run_until_complete`.
@available(*, noasync)
public func blockOn<Success: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Success
) throws -> Success {
    let box = ResultBox<Success>()
    // Not a detached one: it has the caller's task-local values.
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
    /// The end of the program waits neither for the thread nor for its fibers: stop it where it
    /// should.
    public static func start(name: String) throws -> BackgroundHub {
        try BackgroundHub(name: name)
    }
}

/// A thread that does nothing but run its hub's fibers.
public final class BackgroundHub: Sendable {
    public let hub: Hub
    private let thread: JoinHandle<Void>
    private let stopping: Event

    fileprivate init(name: String) throws {
        let stopping = Event()
        let made = Queue<Result<Hub, any Error>>(capacity: 1)
        // A daemon: one that nobody stops must not keep the program from ending.
        let thread = TaskBindings.without {
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
        self.thread = thread
        self.stopping = stopping
        do {
            hub = try made.get().get()
        } catch {
            // Cancelled: nobody will stop it.
            stopping.set()
            throw error
        }
    }

    /// Has the thread end once its fibers have, as ``stop()``; does not wait for that.
    package func requestStop() { stopping.set() }

    /// Ends the thread once its fibers have ended; daemons are cancelled. Waits for that.
    @available(*, noasync)
    public func stop() throws {
        stopping.set()
        try thread.join()
    }
}
