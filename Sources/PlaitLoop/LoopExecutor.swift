internal import PlaitPlatform

/// A loop's face towards Swift's tasks: runs their jobs on the loop's thread.
///
/// Give it as an executor preference (`Task(executorPreference:)`), or as an actor's executor.
public final class LoopExecutor: TaskExecutor, SerialExecutor, @unchecked Sendable {
    // Sendable: `loop` is one; it takes jobs from any thread.
    private unowned let loop: Loop

    package init(loop: Loop) { self.loop = loop }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.post {
            unsafe job.runSynchronously(
                isolatedTo: self.asUnownedSerialExecutor(),
                taskExecutor: self.asUnownedTaskExecutor())
        }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    public func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        unsafe UnownedTaskExecutor(ordinary: self)
    }
}
