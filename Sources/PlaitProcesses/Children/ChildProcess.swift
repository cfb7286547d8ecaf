internal import PlaitParking
public import PlaitPlatform
internal import PlaitStrands
public import SystemPackage

/// A process that this one has started.
///
/// It is reaped once it has ended, by this program's thread `plait-children` or by whoever looks at
/// it before: whether it is joined, kept or dropped, it does not stay a zombie. (Children of a
/// process that only forks: see ``fork(parentDeathSignal:_:)``.) Dropping the last reference does
/// not end the child; it closes the pipes to it.
///
/// ```swift
/// let words = try ChildProcess.run("sort", input: Array("b\na\n".utf8)).check()
/// print(try words.text)
/// ```
///
/// For a function in another process, with its result, see ``ProcessFunction``.
/// - Source: Python's `subprocess.Popen`, `multiprocessing.Process`.
public final class ChildProcess: Sendable {
    /// Writes to its standard input; nil unless that was to be a pipe.
    public let input: PipeWriter?
    /// Reads its standard output; nil unless that was to be a pipe.
    public let output: PipeReader?
    /// Reads its standard error; nil unless that was to be a pipe.
    public let errorOutput: PipeReader?
    /// The program as it was named, and its arguments; the name alone of a copy of this program.
    public let command: [String]
    let end: ChildEnd

    /// One that was started just now, whose descriptor it takes over, and our ends of its pipes.
    /// - Parameters:
    ///   - name: `process-` and its number if nil.
    ///   - command: The name alone if nil.
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

    /// The system's number of it; another process may have it once this one has been reaped.
    public var pid: Int32 { end.pid }
    /// The program's, without its path; of a copy of this program, `process-` and its number.
    public var name: String { end.name }
    /// Whether the end of this program ends it.
    public var isDaemon: Bool { end.isDaemon }

    // MARK: Starting

    /// Starts an executable.
    ///
    /// Blocks the thread until the child runs it. The child inherits the environment and the
    /// working directory; of descriptors the standard three only; signals act in it as by default,
    /// and none is blocked. The first call starts the thread that reaps children: a process that
    /// forks as well has to do that before.
    /// - Parameters:
    ///   - path: With a slash, the file; without, a name to look for in `PATH`.
    ///   - arguments: Without the program's name.
    /// - Throws: `SystemError`: ENOENT and EACCES with the path; EAGAIN at the limit of processes;
    ///   EMFILE; EINVAL where a text contains a zero byte, or an option is out of range. Never once
    ///   the child runs: where other code has taken its status, or the system has for SIGCHLD is
    ///   ignored, it has ended with ``ExitStatus/lost``.
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

    /// How it ended; nil while it runs. Never blocks.
    public var exitStatus: ExitStatus? { end.status }

    /// Whether it has not ended.
    public var isAlive: Bool { exitStatus == nil }

    /// Readable once it has ended, and ever after: for selectors, and for ``waitAny(_:within:)``.
    ///
    /// Belongs to the child: valid as long as this object lives, and not to be closed or read.
    /// - Source: Python's `Process.sentinel`.
    public var sentinel: FileDescriptor { FileDescriptor(rawValue: end.watched.number) }

    /// Waits until it has ended.
    ///
    /// Blocks the calling thread or parks the calling fiber. Any number may join, before and after
    /// the end. A child that waits for its pipe to be read or closed does not end: see
    /// ``communicate(input:atMost:within:)``.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Returns: How it ended.
    /// - Throws: `TimedOut` past the limit: the child goes on then; `CancellationError`;
    ///   `SystemError` where a second joiner of a hub gets no descriptor to wait with.
    /// - Source: Python's `Popen.wait`, `Process.join`.
    @available(*, noasync)
    @discardableResult
    public func join(within limit: Duration? = nil) throws -> ExitStatus {
        guard let status = try end.join(until: Deadline(within: limit)) else { throw timedOut }
        return status
    }

    /// Waits until it has ended, suspending the calling task; see ``join(within:)-(Duration?)``.
    @discardableResult
    public func join(within limit: Duration? = nil) async throws -> ExitStatus {
        guard let status = try await end.join(within: limit) else { throw timedOut }
        return status
    }

    private var timedOut: TimedOut { TimedOut("join of process \(name)") }

    /// Sends it a signal, unless it has ended: no other process gets it then.
    /// - Throws: `SystemError`: EPERM when the child runs as another user; EINVAL for a number that
    ///   no signal has.
    public func send(_ signal: Signal) throws(SystemError) { try end.send(signal) }

    /// Asks it to end: sends SIGTERM, unless it has ended. See ``send(_:)`` for a child of another
    /// user, which this leaves alone.
    public func terminate() { try? send(.terminate) }

    /// Ends it at once: sends SIGKILL, unless it has ended. As ``terminate()`` otherwise.
    public func kill() { try? send(.kill) }

    /// Ends it at once, unless it has ended, and closes the pipes to it. A second call does
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
