internal import PlaitParking
public import PlaitPlatform
internal import PlaitStrands
internal import Synchronization

/// A process that this one has started.
///
/// It is reaped exactly once, by whoever first looks at it after its end, and then is no zombie any
/// more. Dropping the last reference does not end the child; if it ends later, its status is taken
/// when the next child is started.
///
/// So far: an executable with pipes, and `fork` without exec. Functions in another process, their
/// results and shared data are to come.
/// - Source: Python's `subprocess.Popen`, `multiprocessing.Process`.
public final class ChildProcess: Sendable {
    /// The system's number of it; another process may have it once this one has been reaped.
    public let pid: Int32
    /// Writes to its standard input; nil unless that was to be a pipe.
    public let input: PipeWriter?
    /// Reads its standard output; nil unless that was to be a pipe.
    public let output: PipeReader?
    /// Reads its standard error; nil unless that was to be a pipe.
    public let errorOutput: PipeReader?

    private struct State {
        /// nil while it runs.
        var status: ExitStatus?
        /// Whether a strand waits for `watched`.
        var hasJoiner = false
    }

    /// Readable once the child has ended.
    private let watched: Descriptor
    /// The lock is held while reaping, so that no signal goes to a number that is another's by then.
    private let state = Mutex(State())

    private init(
        pid: Int32, watched: consuming Descriptor, input: PipeWriter? = nil,
        output: PipeReader? = nil, errorOutput: PipeReader? = nil
    ) {
        self.pid = pid
        self.watched = watched
        self.input = input
        self.output = output
        self.errorOutput = errorOutput
    }

    deinit {
        if exitStatus == nil { Orphans.adopt(pid) }
    }

    // MARK: Starting

    /// Where a standard stream of the child leads.
    public enum StandardIO: Sendable {
        /// To where the parent's leads.
        case inherited
        /// To `/dev/null`.
        case null
        /// To the other end of a pipe that the parent holds.
        case pipe
    }

    /// How an executable is started.
    public struct Options: Sendable {
        public var input = StandardIO.inherited
        public var output = StandardIO.inherited
        public var errorOutput = StandardIO.inherited
        /// Sent to the child when the thread that starts it ends, with or without the process; nil
        /// lets it live on.
        public var parentDeathSignal: Signal?
        /// Whether it leads a process group of its own, which a terminal's Ctrl-C does not reach.
        public var hasOwnGroup = false
        /// Where it works; nil: where the parent does.
        public var workingDirectory: String?
        /// All of its environment; nil: the parent's.
        public var environment: [String: String]?
        /// What it may use of the machine; nil, each: what the parent may.
        public var limits = Limits()
        /// Processors that it may run on; nil: those of the parent.
        public var processors: Set<Int>?

        public init() {}
    }

    /// What a child may use at most. Past a limit its calls fail, or a signal ends it.
    public struct Limits: Hashable, Sendable {
        /// Bytes of address space (RLIMIT_AS): past it, allocating fails, which traps in Swift.
        public var memory: Int?
        /// Seconds of processor time (RLIMIT_CPU): past them SIGKILL.
        public var processorSeconds: Int?
        /// Descriptors open at the same time (RLIMIT_NOFILE).
        public var descriptors: Int?

        public init(memory: Int? = nil, processorSeconds: Int? = nil, descriptors: Int? = nil) {
            self.memory = memory
            self.processorSeconds = processorSeconds
            self.descriptors = descriptors
        }
    }

    /// Starts an executable.
    ///
    /// Blocks the thread until the child runs it. The child inherits the environment and the working
    /// directory; of descriptors the standard three only; signals act in it as by default, and none
    /// is blocked.
    /// - Parameters:
    ///   - path: With a slash, the file; without, a name to look for in `PATH`.
    ///   - arguments: Without the program's name.
    /// - Throws: `SystemError`: ENOENT and EACCES with the path; EAGAIN at the limit of processes;
    ///   EMFILE.
    public static func start(
        _ path: String, _ arguments: [String] = [], _ options: Options = Options()
    ) throws(SystemError) -> ChildProcess {
        Orphans.reap()
        var input = try StandardPipe(options.input, childReads: true)
        var output = try StandardPipe(options.output, childReads: false)
        var errorOutput = try StandardPipe(options.errorOutput, childReads: false)
        var plan = Processes.Plan(path: path, arguments: arguments)
        plan.standard = (input.childsEnd, output.childsEnd, errorOutput.childsEnd)
        options.apply(to: &plan)
        return try ChildProcess(
            started: try Processes.spawn(plan), input.takeOurEnd(), output.takeOurEnd(),
            errorOutput.takeOurEnd())
    }

    /// One that was started just now, and our ends of its pipes.
    convenience init(
        started pid: Int32, _ input: Int32?, _ output: Int32?, _ errorOutput: Int32?
    ) throws(SystemError) {
        let input = input.map { PipeWriter(owning: $0) }
        let output = output.map { PipeReader(owning: $0) }
        let errorOutput = errorOutput.map { PipeReader(owning: $0) }
        self.init(
            pid: pid, watched: try Self.watch(pid), input: input, output: output,
            errorOutput: errorOutput)
    }

    /// Runs `body` in a child that is a copy of this process.
    ///
    /// Only for a process with a single thread, and on that thread's own strand: in a fiber it traps.
    /// In the child there is no hub and no fiber of the parent's: those have ended there, and who
    /// joins one gets `LeftInParent`. A lock that one of them held stays held until the child
    /// releases it. Its descriptors are shared. Its signals act as in the parent, and stay blocked if
    /// they are (see `Loop.watch`). When `body` has returned or thrown, its own threads are waited
    /// for, and its own `ProgramEnd` actions run; then it exits with code 0 when `body` returned, with
    /// 1 when it threw (the error goes to standard error); exit handlers and the parent's `defer`s
    /// do not run in it.
    /// - Parameter parentDeathSignal: Sent to the child when the parent ends; nil lets it live on.
    /// - Throws: ``MultiThreadedFork``; `SystemError`: EAGAIN at the limit of processes, ENOMEM,
    ///   EMFILE.
    /// - Source: Python's `os.fork`; `multiprocessing` with the start method `fork`.
    @available(*, noasync)
    public static func fork(
        parentDeathSignal: Signal? = .kill, _ body: () throws -> Void
    ) throws -> ChildProcess {
        let threads = try Processes.threadCount()
        guard threads == 1 else {
            throw MultiThreadedFork(threads: threads, names: Processes.threadNames())
        }
        demand(
            Strand.current.kind == .thread,
            "fork in fiber \(Strand.current.name): fork from the thread's own strand")
        Orphans.reap()
        let parent = processID()
        let pid = try Processes.fork()
        guard pid == 0 else { return ChildProcess(pid: pid, watched: try watch(pid)) }
        live(parent: parent, parentDeathSignal, body)
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
        (Strand.current as? ThreadStrand)?.enterThread()
        Orphans.forget()
    }

    private static func watch(_ pid: Int32) throws(SystemError) -> Descriptor {
        do throws(SystemError) {
            return try Processes.descriptor(of: pid)
        } catch {
            // Nobody could wait for it.
            Processes.discard(pid)
            throw error
        }
    }

    // MARK: Its end

    /// How it ended; nil while it runs. Never blocks.
    public var exitStatus: ExitStatus? {
        state.withLock { state in
            if state.status == nil {
                switch Processes.reap(watched.number) {
                case .notYet: break
                case .code(let code): state.status = .code(code)
                case .signal(let signal): state.status = .signal(signal)
                case .lost: state.status = .lost
                }
            }
            return state.status
        }
    }

    /// Whether it has not ended.
    public var isAlive: Bool { exitStatus == nil }

    /// Waits until it has ended.
    ///
    /// Blocks the calling thread or parks the calling fiber. Any number may join, before and after
    /// the end. A child that waits for its pipe to be read or closed does not end.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Returns: How it ended; nil when the limit passed first.
    /// - Throws: `CancellationError`; `SystemError` where a second joiner gets no descriptor to wait
    ///   with.
    /// - Source: Python's `Popen.wait`, `Process.join`.
    @available(*, noasync)
    @discardableResult
    public func join(within limit: Duration? = nil) throws -> ExitStatus? {
        let deadline = Deadline(within: limit)
        while true {
            if let exitStatus { return exitStatus }
            guard try waitForEnd(until: deadline) else { return exitStatus }
        }
    }

    private func waitForEnd(until deadline: Deadline) throws -> Bool {
        let isFirst = state.withLock { state in
            defer { state.hasJoiner = true }
            return !state.hasJoiner
        }
        guard isFirst else {
            // A hub watches a descriptor once: others at the same time need a copy.
            let copy = try Processes.duplicate(watched.number)
            return try Strand.waitReadable(copy.number, until: deadline)
        }
        defer { state.withLock { $0.hasJoiner = false } }
        return try Strand.waitReadable(watched.number, until: deadline)
    }

    /// Sends it a signal, unless it has ended.
    /// - Throws: `SystemError`: EPERM when the child runs as another user.
    public func send(_ signal: Signal) throws(SystemError) {
        guard exitStatus == nil else { return }
        try state.withLock { (state) throws(SystemError) in
            if state.status == nil { try PlaitPlatform.send(signal, toProcess: pid) }
        }
    }

    /// Asks it to end: sends SIGTERM, unless it has ended. See ``send(_:)`` for a child of another
    /// user, which this leaves alone.
    public func terminate() { try? send(.terminate) }

    /// Ends it at once: sends SIGKILL, unless it has ended. As ``terminate()`` otherwise.
    public func kill() { try? send(.kill) }
}
