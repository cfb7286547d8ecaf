internal import PlaitParking
public import PlaitPlatform
internal import PlaitStrands

extension ChildProcess {
    /// Runs `body` in a child that is a copy of this process.
    ///
    /// Only for a process with a single thread, and on that thread's own strand: in a fiber it
    /// traps. In the child there is no hub and no fiber of the parent's: those have ended there,
    /// and who joins one gets `LeftInParent`. A lock that one of them held stays held until the
    /// child releases it. Its descriptors are shared. Its signals act as in the parent, and stay
    /// blocked if they are (see `Loop.watch`). When `body` has returned or thrown, its own threads
    /// are waited for, and its own `ProgramEnd` actions run; then it exits with code 0 when `body`
    /// returned, with 1 when it threw (the error goes to standard error); exit handlers and the
    /// parent's `defer`s do not run in it. Its thread-local memory is new.
    ///
    /// The parent starts no thread for it: a child that has ended stays a zombie until somebody
    /// looks at it (``exitStatus``, ``join(within:)-(Duration?)``) or the next one is started.
    /// - Parameter parentDeathSignal: Sent to the child when the parent ends; nil lets it live on.
    /// - Throws: ``MultiThreadedFork``; `SystemError`: EAGAIN at the limit of processes, ENOMEM,
    ///   EMFILE.
    /// - Source: Python's `os.fork`; `multiprocessing` with the start method `fork`.
    @available(*, noasync)
    public static func fork(
        parentDeathSignal: Signal? = .kill, _ body: () throws -> Void
    ) throws -> ChildProcess {
        try fork(parentDeathSignal: parentDeathSignal, name: nil, isDaemon: false, body)
    }

    /// As ``fork(parentDeathSignal:_:)``.
    /// - Parameter ends: Of the child's standard pipes, the parent's: taken over, if it throws
    ///   nothing. The child closes them.
    @available(*, noasync)
    static func fork(
        parentDeathSignal: Signal?, name: String?, isDaemon: Bool,
        keeping ends: (Int32?, Int32?, Int32?) = (nil, nil, nil), _ body: () throws -> Void
    ) throws -> ChildProcess {
        let threads = try Processes.settledThreadCount()
        guard threads == 1 else {
            throw MultiThreadedFork(threads: threads, names: Processes.threadNames())
        }
        demand(
            Strand.current.kind == .thread,
            "fork in fiber \(Strand.current.name): fork from the thread's own strand")
        Children.reap()
        let parent = CurrentProcess.asParent
        let started = try Processes.fork()
        guard started.pid == 0 else {
            return try ChildProcess(
                started: started, name: name, input: ends.0, output: ends.1, errorOutput: ends.2)
        }
        CurrentProcess.become(
            name: name, isDaemon: isDaemon, childOf: parent)
        live(parent: parent.pid, parentDeathSignal, body)
    }

    /// The life of a forked child.
    // Inlined where its body is known, it crashes the compiler.
    @inline(never)
    private static func live(
        parent: Int32, _ deathSignal: Signal?, _ body: () throws -> Void
    ) -> Never {
        do {
            Hub.forgetAfterFork()
            enterForked()
            if let deathSignal, try !Processes.followParent(parent, with: deathSignal) {
                Processes.exitNow(1)
            }
            try body()
        } catch {
            StandardStream.error.write("plait: forked process \(processID()): \(error)\n")
            ProgramEnd.run()
            Processes.exitNow(1)
        }
        ProgramEnd.run()
        Processes.exitNow(0)
    }

    /// In a forked child.
    static func enterForked() {
        // The system has given the thread another number.
        (Strand.current as? ThreadStrand)?.enterForked()
        Children.forget()
        RunningProcesses.forget()
    }
}
