internal import PlaitParking
public import PlaitPlatform
internal import PlaitStrands
public import SystemPackage

/// A process that this process has started.
///
/// An ended child does not stay a zombie, whether you join, keep or drop the object: the program's
/// thread `plait-children` reaps it, or whoever looks at it first. (For children of a process that
/// only forks, see ``fork(parentDeathSignal:_:)``.) Dropping the last reference does not end the
/// child, but closes the pipes to it.
///
/// ```swift
/// let words = try ChildProcess.run("sort", input: Array("b\na\n".utf8)).check()
/// print(try words.text)
/// ```
///
/// For a function in another process, with its result, see ``ProcessFunction``.
/// - Source: Python's `subprocess.Popen`, `multiprocessing.Process`.
public final class ChildProcess: Sendable {
    /// Writes to the child's standard input; nil unless the options made that a pipe.
    public let input: PipeWriter?
    /// Reads the child's standard output; nil unless the options made that a pipe.
    public let output: PipeReader?
    /// Reads the child's standard error; nil unless the options made that a pipe.
    public let errorOutput: PipeReader?
    /// The program's name as it was given, and its arguments. For a copy of this program, the name
    /// alone.
    public let command: [String]
    let end: ChildEnd

    /// Takes over a child that has just been started, with its descriptor and the parent's ends of
    /// its pipes.
    /// - Parameters:
    ///   - name: The child's name; nil takes `process-` and its number.
    ///   - command: The program and its arguments; nil takes the name alone.
    init(
        started: Processes.Started, name: String? = nil, command: [String]? = nil,
        isDaemon: Bool = false,
        input: Int32? = nil, output: Int32? = nil, errorOutput: Int32? = nil
    ) throws(SystemError) {
        self.input = input.map { PipeWriter(owning: $0) }
        self.output = output.map { PipeReader(owning: $0) }
        self.errorOutput = errorOutput.map { PipeReader(owning: $0) }
        end = try ChildEnd(started, name: name, isDaemon: isDaemon)
        self.command = command ?? [end.name]
    }

    /// The system's number of the child. Another process may get the number once the child has been
    /// reaped.
    public var pid: Int32 { end.pid }
    /// The program's name without its path. For a copy of this program, `process-` and its number.
    public var name: String { end.name }
    /// Whether the end of this program ends the child.
    public var isDaemon: Bool { end.isDaemon }

    // MARK: Starting

    /// Starts an executable.
    ///
    /// Blocks the thread until the child runs the executable. The child inherits the environment,
    /// the working directory, and only the three standard descriptors. Its signals have their
    /// default actions, and none is blocked. The first call starts the thread that reaps children,
    /// so a process that also forks must fork before.
    /// - Parameters:
    ///   - path: The file, if there is a slash in it; otherwise a name to look up in `PATH`.
    ///   - arguments: The arguments, without the program's name.
    /// - Throws: `SystemError`: ENOENT and EACCES with the path; EAGAIN at the limit of processes;
    ///   EMFILE; EINVAL if a text contains a zero byte or an option is out of range. It never
    ///   throws once the child runs. If other code has taken the child's status, or the system has
    ///   because SIGCHLD is ignored, the child has ended with ``ExitStatus/lost``.
    /// - Source: Python's `subprocess.Popen`.
    @available(*, noasync)
    public static func start(
        _ path: String, _ arguments: [String] = [], _ options: Options = Options()
    ) throws(SystemError) -> ChildProcess {
        try options.check()
        Children.follow()
        if options.isDaemon { RunningProcesses.endWithProgram() }
        var input = try StandardPipe(options.input, childReads: true)
        var output = try StandardPipe(options.output, childReads: false)
        var errorOutput = try StandardPipe(options.errorOutput, childReads: false)
        var plan = Processes.Plan(path: path, arguments: arguments)
        plan.standard = (input.childsEnd, output.childsEnd, errorOutput.childsEnd)
        options.apply(to: &plan)
        return try Children.starting { () throws(SystemError) in
            let started = try Processes.spawn(plan)
            return try ChildProcess(
                started: started, name: path.split(separator: "/").last.map(String.init) ?? path,
                command: [path] + arguments, isDaemon: options.isDaemon, input: input.takeOurEnd(),
                output: output.takeOurEnd(), errorOutput: errorOutput.takeOurEnd())
        }
    }

    /// Starts the executable at a path; see ``start(_:_:_:)-(String,_,_)``.
    @available(*, noasync)
    public static func start(
        _ path: FilePath, _ arguments: [String] = [], _ options: Options = Options()
    ) throws(SystemError) -> ChildProcess {
        try start(path.string, arguments, options)
    }

    // MARK: Its end

    /// How the child ended; nil while it runs. Never blocks.
    public var exitStatus: ExitStatus? { end.status }

    /// Whether the child still runs.
    public var isAlive: Bool { exitStatus == nil }

    /// A descriptor that is readable from the child's end on, for selectors.
    ///
    /// It belongs to this object and is valid as long as the object lives. Do not close or read it.
    /// - Source: Python's `Process.sentinel`.
    public var sentinel: FileDescriptor { FileDescriptor(rawValue: end.watched.number) }

    /// Waits until the child has ended.
    ///
    /// Blocks the calling thread or parks the calling fiber. Any number of strands may join, before
    /// and after the end. A child does not end while it waits for its pipe to be read or closed:
    /// see ``communicate(input:atMost:within:)``.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Returns: How the child ended.
    /// - Throws: `TimedOut` past the limit: the child goes on then; `CancellationError`;
    ///   `SystemError` if a second joiner on a hub gets no descriptor for its wait.
    /// - Source: Python's `Popen.wait`, `Process.join`.
    @available(*, noasync)
    @discardableResult
    public func join(within limit: Duration? = nil) throws -> ExitStatus {
        guard let status = try end.join(until: Deadline(within: limit)) else { throw timedOut }
        return status
    }

    /// Waits until the child has ended, suspending the calling task; see
    /// ``join(within:)-(Duration?)``.
    @discardableResult
    public func join(within limit: Duration? = nil) async throws -> ExitStatus {
        guard let status = try await end.join(within: limit) else { throw timedOut }
        return status
    }

    private var timedOut: TimedOut { TimedOut("join of process \(name)") }

    /// Sends the child a signal, unless it has ended. No other process ever gets the signal.
    /// - Throws: `SystemError`: EPERM when the child runs as another user; EINVAL for a number that
    ///   no signal has.
    public func send(_ signal: Signal) throws(SystemError) { try end.send(signal) }

    /// Asks the child to end: sends SIGTERM, unless it has ended. Does nothing to a child of
    /// another user; ``send(_:)`` throws then.
    public func terminate() { try? send(.terminate) }

    /// Ends the child at once: sends SIGKILL, unless it has ended. Otherwise as ``terminate()``.
    public func kill() { try? send(.kill) }

    /// Ends the child at once, unless it has ended, and closes the pipes to it. A second call does
    /// nothing.
    /// - Source: `close` of asyncio's `SubprocessTransport`.
    public func close() {
        kill()
        input?.close()
        output?.close()
        errorOutput?.close()
    }
}

extension ChildProcess: CustomStringConvertible {
    /// Such as `ChildProcess(sort, 4711, running)`.
    public var description: String {
        "ChildProcess(\(name), \(pid), \(exitStatus.map { "\($0)" } ?? "running"))"
    }
}
