internal import PlaitParking
public import PlaitPlatform
internal import PlaitStrands

extension ChildProcess {
    /// Runs `body` in a child that is a copy of this process.
    ///
    /// The process must have a single thread, and the caller must be that thread's own strand; in a
    /// fiber the call traps. The child has neither the parent's hub nor its fibers: they have ended
    /// there, and joining one throws `LeftInParent`. A lock that one of them held stays held until
    /// the child releases it. The child shares the parent's descriptors. Signals act as in the
    /// parent, and blocked signals stay blocked (see `Loop.watch`). When `body` has returned or
    /// thrown, the child waits for its own threads and runs its own `ProgramEnd` actions. It then
    /// exits with code 0 if `body` returned, and with 1 if it threw; the error goes to standard
    /// error. Neither exit handlers nor the parent's `defer`s run in the child. Its thread-local
    /// memory is new.
    ///
    /// The parent starts no thread for the child. An ended child stays a zombie until somebody
    /// looks at it (``exitStatus``, ``join(within:)-(Duration?)``) or the program starts the next
    /// child.
    /// - Parameter parentDeathSignal: The signal that the child gets when the parent ends; nil lets
    ///   it live on.
    /// - Throws: ``MultiThreadedFork``; `SystemError`: EAGAIN at the limit of processes, ENOMEM,
    ///   EMFILE.
    /// - Source: Python's `os.fork`; `multiprocessing` with the start method `fork`.
    @available(*, noasync, message: "with tasks come threads: use .spawn or .forkServer")
    public static func fork(
        parentDeathSignal: Signal? = .kill, _ body: () throws -> Void
    ) throws -> ChildProcess {
        try fork(parentDeathSignal: parentDeathSignal, name: nil, isDaemon: false, body)
    }

    /// As ``fork(parentDeathSignal:_:)``.
    /// - Parameter ends: The parent's ends of the child's standard pipes. The call takes them over
    ///   unless it throws. The child closes them.
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
    // Inlining it where its body is known crashes the compiler.
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

    /// Called first in a forked child.
    static func enterForked() {
        // The system has given the thread a new number.
        (Strand.current as? ThreadStrand)?.enterForked()
        Children.forget()
        RunningProcesses.forget()
    }
}
