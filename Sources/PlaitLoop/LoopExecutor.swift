internal import PlaitPlatform

/// A loop's face towards Swift's tasks: runs their jobs on the loop's thread.
///
/// Give it as an executor preference (`Task(executorPreference:)`), or let an actor's
/// `unownedExecutor` return ``asUnownedSerialExecutor()``.
public final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    // Sendable: constants; `loop` takes jobs from any thread.
    private unowned let loop: Loop
    private let isolated: IsolatedJobs

    package init(loop: Loop) {
        self.loop = loop
        isolated = IsolatedJobs(loop: loop)
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.post { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    public func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        unsafe UnownedTaskExecutor(ordinary: self)
    }

    /// For an actor that is to run on the loop's thread; good as long as this object.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe isolated.asUnownedSerialExecutor()
    }
}

/// Runs the jobs of actors. Apart from ``LoopExecutor``, since a job must be run as what it was
/// enqueued for: a task's run as an actor's is sent through the queue once more whenever it resumes.
private final class IsolatedJobs: SerialExecutor, @unchecked Sendable {
    // Sendable: as LoopExecutor.
    private unowned let loop: Loop

    init(loop: Loop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.post { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }
}
