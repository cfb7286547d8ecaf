internal import PlaitPlatform

/// Runs the jobs of Swift's tasks on the thread of a loop.
///
/// Give it as an executor preference (`Task(executorPreference:)`), or let an actor's
/// `unownedExecutor` return ``asUnownedSerialExecutor()``. Once the loop's thread has ended, such
/// tasks go on in Swift's own pool. The jobs of actors run there one after another.
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

    /// For an actor whose jobs run on the loop's thread. Valid as long as this object lives.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe isolated.asUnownedSerialExecutor()
    }
}

/// Runs the jobs of actors. This is a type apart from ``LoopExecutor``, since a job must run as
/// what it was enqueued for. A task's job that runs as an actor's goes through the queue once more
/// at each resumption.
private final class IsolatedJobs: SerialExecutor, Sendable {
    private let loop: Loop
    /// Jobs that came after the loop's end, oldest first; nil while no thread runs such jobs.
    private let late = Guarded<[UnownedJob]?>(nil)

    init(loop: Loop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if !loop.post({ self.run(job) }) { enqueueLate(job) }
    }

    private func run(_ job: UnownedJob) {
        unsafe job.runSynchronously(on: self.asUnownedSerialExecutor())
    }

    /// Does not run the job on the caller's thread: the thread of another caller may be running
    /// one.
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
