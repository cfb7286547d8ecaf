/// How to start a child process that runs a function.
public enum StartMethod: String, Sendable, CaseIterable {
    /// Copies this process as it is. Works only in a process with a single thread, on that thread's
    /// own strand: see ``ChildProcess/fork(parentDeathSignal:_:)``.
    case fork
    /// Copies a helper, which is this program before its `main` and is started with the first such
    /// child. This is the default: it is cheap and safe from any thread.
    case forkServer
    /// Starts this program anew, which does not reach its `main`. Safe from any thread. The child
    /// shares only the program's file with others.
    case spawn
}
