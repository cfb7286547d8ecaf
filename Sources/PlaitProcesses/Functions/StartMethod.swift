/// How a child process that runs a function comes to be.
public enum StartMethod: String, Sendable, CaseIterable {
    /// A copy of this process as it is. Only from a process with a single thread, on that thread's
    /// own strand: see ``ChildProcess/fork(parentDeathSignal:_:)``.
    case fork
    /// A copy of a helper, which is this program before its `main`, started with the first such
    /// child. The default: cheap, and safe from any thread.
    case forkServer
    /// This program started anew; it does not reach its `main`. Safe from any thread; the child
    /// shares nothing with others but the program's file.
    case spawn
}
