internal import PlaitPlatform

/// A loop's face towards Swift's tasks: runs their jobs on the loop's thread.
///
/// Give it as an executor preference (`Task(executorPreference:)`), or let an actor's
/// `unownedExecutor` return ``asUnownedSerialExecutor()``. Once the loop's thread has ended, what
/// is left of such tasks runs on Swift's own pool, and jobs of actors there one after another.
public final class LoopExecutor: TaskExecutor, Sendable {
    private let loop: Loop
    private let isolated: IsolatedJobs

    package init(loop: Loop) {
        self.loop = loop
        isolated = IsolatedJobs(loop: loop)
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let run: @Sendable () -> Void = {
            unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
        if !loop.post(run) { Task.detached { run() } }
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
/// enqueued for: a task's run as an actor's is sent through the queue once more whenever it
/// resumes.
private final class IsolatedJobs: SerialExecutor, Sendable {
    private let loop: Loop
    /// Jobs that came after the loop's end, oldest first; nil while nobody runs them.
    private let late = Guarded<[UnownedJob]?>(nil)

    init(loop: Loop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if !loop.post({ self.run(job) }) { enqueueLate(job) }
    }

    private func run(_ job: UnownedJob) {
        unsafe job.runSynchronously(on: self.asUnownedSerialExecutor())
    }

    /// Not on the caller's thread: that of another caller may be running one.
    private func enqueueLate(_ job: UnownedJob) {
        let isFirst = late.withLock { late in
            defer { late = (late ?? []) + [job] }
            return late == nil
        }
        guard isFirst else { return }
        Task.detached {
            while let batch = self.takeLate() {
                for job in batch { self.run(job) }
            }
        }
    }

    private func takeLate() -> [UnownedJob]? {
        late.withLock { late in
            guard let batch = late, !batch.isEmpty else {
                late = nil
                return nil
            }
            late = []
            return batch
        }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }
}
