internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
public import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// The type of the argument `.process` of `spawn`.
public struct ProcessKind: Sendable {
    @inlinable public static var process: ProcessKind { ProcessKind() }
    @inlinable init() {}
}

/// Starts a process that runs a function.
///
/// Waits until the process exists, which takes one or a few milliseconds, but not for the function.
/// A cancellation does not end this wait. The process's standard input is empty unless the options
/// make it a pipe; ``StartMethod/fork`` leaves it as it is. Its standard error goes to the
/// program's. When the function has returned or thrown, the process waits for its own threads and
/// runs its `ProgramEnd` actions, but no exit handlers.
/// - Parameters:
///   - input: The function's input, which is copied to the process.
///   - name: The name in reports; nil takes `process-` and its number.
///   - method: How to start the process.
///   - isDaemon: Whether the program, at its end, ends the process instead of waiting for it. Nil
///     means yes if this process is a daemon itself or the options say so.
///   - options: Working directory, environment and limits. By default the process ends with the
///     program.
/// - Throws: ``ProcessFunctionError``; `SystemError`: EAGAIN, EMFILE, ENOMEM;
///   ``MultiThreadedFork``; errors of the input's encoding.
/// - Source: Python's `multiprocessing.Process`.
@available(*, noasync)
@discardableResult
public func spawn<Function: ProcessFunction>(
    _ kind: ProcessKind, _ function: Function.Type, _ input: Function.Input,
    name: String? = nil, method: StartMethod = .forkServer, isDaemon: Bool? = nil,
    options: ChildProcess.Options = .ofFunction
) throws -> ProcessHandle<Function.Output> {
    let isDaemon = isDaemon ?? (options.isDaemon || CurrentProcess.isDaemon)
    let launch: Launch
    switch method {
    case .fork:
        launch = try Launch.fork(options, name: name, isDaemon: isDaemon) { link in
            let answer = Answer.of { try function.run(input) }
            do {
                try link.send(answer)
            } catch let error as SystemError where error.meansEnd {
                // Nobody wants the process any more.
            }
        }
    case .forkServer, .spawn:
        launch = try launchSending(function, input, name, isDaemon, method, options)
    }
    let handle = ProcessHandle<Function.Output>(
        launch, isDaemon: isDaemon,
        // Not for a fork: a further thread would make the next fork impossible.
        isFollowed: method != .fork)
    RunningProcesses.add(launch.child.end, isDaemon: isDaemon)
    // Takes the status of the process whether or not somebody joins it.
    handle.follow()
    return handle
}

/// Starts a process that runs a function, suspending the calling task; see
/// ``spawn(_:_:_:name:method:isDaemon:options:)``. A task's process is never a
/// ``StartMethod/fork``: the program has several threads.
@discardableResult
public func spawn<Function: ProcessFunction>(
    _ kind: ProcessKind, _ function: Function.Type, _ input: Function.Input,
    name: String? = nil, method: StartMethod = .forkServer, isDaemon: Bool? = nil,
    options: ChildProcess.Options = .ofFunction
) async throws -> ProcessHandle<Function.Output> {
    try await ServiceHub.run {
        try spawn(
            kind, function, input, name: name, method: method, isDaemon: isDaemon, options: options)
    }
}

/// Starts a process, and sends it the function's name and input.
private func launchSending<Function: ProcessFunction>(
    _ function: Function.Type, _ input: Function.Input, _ name: String?, _ isDaemon: Bool,
    _ method: StartMethod, _ options: ChildProcess.Options
) throws -> Launch {
    let bag = DescriptorBag()
    let bytes = try MessagePackEncoder().encode(input, with: bag)
    let type = try TypeName(reachable: function)
    let order = ChildOrder(
        role: .function, name: name, function: type, descriptors: bag.numbers.count,
        isDaemon: isDaemon)
    // A connection takes some 200 KiB without a receiver.
    if bytes.count <= 1 << 14 && bag.numbers.isEmpty {
        let work = ChildWork(order: order, input: bytes)
        var launch = try Launch.start(method, options, name: name, work: work)
        launch.loans = bag.loans
        return launch
    }
    var launch = try Launch.start(method, options, name: name)
    launch.loans = bag.loans
    do {
        try launch.link.send(value: order)
        for number in bag.numbers { try launch.link.send(FileDescriptor(rawValue: number)) }
        try launch.link.send(bytes)
    } catch let error as SystemError where error.meansEnd {
        // The process has ended already; joining it tells why.
    } catch {
        launch.child.kill()
        throw error
    }
    return launch
}

extension ChildProcess.Options {
    /// The default options of a process for a function. It ends with the program.
    public static var ofFunction: ChildProcess.Options {
        var options = ChildProcess.Options()
        options.parentDeathSignal = .kill
        return options
    }
}

extension TypeName {
    init(reachable type: Any.Type) throws(ProcessFunctionError) {
        guard let name = TypeName(type) else { throw .unreachable("\(type)") }
        self = name
    }
}

/// A process that runs a function, and the function's result. Copies share it.
///
/// Dropping it does not end the process.
public final class ProcessHandle<Output: Decodable & Sendable>: @unchecked Sendable {
    // Sendable: `collecting` guards `received`; `state` itself; `decoding` guards `loans`; the rest
    // is constant.
    /// The process.
    public let process: ChildProcess
    public let name: String
    /// Whether the program ends the process instead of waiting for it.
    public let isDaemon: Bool
    private let launch: Launch
    /// Whether a fiber waits for the answer even if nobody joins.
    private let isFollowed: Bool
    /// Held by the strand that waits for the answer itself.
    private let collecting = Lock(onDeadlock: .off)
    /// The answer, if it has come before the end of the process.
    private var received: Received?
    private let state = Guarded(State())
    /// Set when the outcome is known.
    private let isOver = Event()
    private let promise = Promise<Output>()
    /// Held by the strand that decodes the outcome. This is a joiner, so the user has chosen its
    /// stack.
    private let decoding = Lock(onDeadlock: .off)
    /// Keeps the objects alive to which the input refers, while the process may still take them
    /// over.
    private var loans: Loans?

    private enum Received {
        case answer([UInt8])
        /// The connection ended without an answer.
        case nothing
    }

    private enum Outcome {
        case answer([UInt8])
        case failure(any Error)
    }

    private struct State {
        var outcome: Outcome?
        /// Whether somebody has asked for the future, so that perhaps nobody joins.
        var isWanted = false
    }

    init(_ launch: Launch, isDaemon: Bool, isFollowed: Bool) {
        var launch = launch
        loans = launch.loans
        launch.loans = nil
        self.launch = launch
        process = launch.child
        name = launch.child.name
        self.isDaemon = isDaemon
        self.isFollowed = isFollowed
        // The future cannot be cancelled after this.
        _ = try? promise.begin()
    }

    public var pid: Int32 { process.pid }
    public var isAlive: Bool { process.isAlive }
    /// How the process ended; nil while it runs.
    public var exitStatus: ExitStatus? { process.exitStatus }

    /// The result as a future, for a wait for several results. Cancelling it has no effect.
    ///
    /// With ``StartMethod/fork`` the future is done only when somebody joins the handle, since a
    /// thread that waited for it would keep the program from forking again. Otherwise a separate
    /// thread decodes the result, if no joiner has done that.
    public var future: Future<Output> {
        let isOver = state.withLock { state in
            state.isWanted = true
            return state.outcome != nil
        }
        if isOver && !promise.future.isDone { decodeElsewhere() }
        return promise.future
    }

    /// Asks the process to end: sends SIGTERM.
    public func terminate() { process.terminate() }

    /// Ends the process at once: sends SIGKILL.
    public func kill() { process.kill() }

    /// Waits until the process has ended, and returns the function's value or throws its error.
    ///
    /// Blocks the calling thread or parks the calling fiber. The first strand to join decodes the
    /// result on its own stack, and others wait for that. The call does not wait for processes that
    /// this process has left behind.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: The function's error; ``WorkerCrashed`` when the process ended without an answer;
    ///   `TimedOut` past the limit (the process goes on then); `CancellationError`.
    /// - Source: Python's `Process.join`, which gives no result.
    @available(*, noasync)
    @discardableResult
    public func join(within limit: Duration? = nil) throws -> Output {
        let deadline = Deadline(within: limit)
        if isFollowed {
            guard try isOver.wait(within: limit) else { throw timedOut }
        } else {
            try collect(until: deadline)
        }
        if !promise.future.isDone {
            guard try decoding.acquire(within: deadline.remaining) else { throw timedOut }
            defer { decoding.release() }
            decode()
        }
        return try promise.future.result()
    }

    /// Waits until the process has ended, suspending the calling task.
    @discardableResult
    public func join(within limit: Duration? = nil) async throws -> Output {
        let deadline = Deadline(within: limit)
        if !isFollowed {
            return try await ServiceHub.run { try self.join(within: limit) }
        }
        guard try await isOver.wait(within: limit) else { throw timedOut }
        if !promise.future.isDone {
            guard try await decoding.acquire(within: deadline.remaining) else { throw timedOut }
            defer { decoding.release() }
            decode()
        }
        return try await promise.future.result()
    }

    private var timedOut: TimedOut { TimedOut("join of process \(name)") }

    // MARK: Decoding

    /// Decodes the outcome into the result, unless that has been done. Called under `decoding`.
    private func decode() {
        guard !promise.future.isDone, let outcome = state.withLock(\.outcome) else { return }
        let result = Result<Output, any Error> {
            switch outcome {
            case .answer(let bytes): try Answer.read(bytes, as: Output.self)
            case .failure(let error): throw error
            }
        }
        // Released after decoding, since the result may refer to the same objects.
        loans = nil
        try? promise.complete(with: result)
    }

    /// Decodes the outcome for strands that wait for the future.
    private func decodeElsewhere() {
        let work: @Sendable () -> Void = { _ = try? self.join() }
        do throws(SystemError) {
            try startThread(name: "plait-decoding", work)
        } catch {
            work()
        }
    }

    // MARK: The outcome

    /// Lets ``ChildService`` wait for the answer. If that fails, strands that wait for the result
    /// get the error.
    func follow() {
        guard isFollowed else { return }
        do {
            try ChildService.begin(name, orElse: { self.settle(.failure($0)) }) {
                do {
                    try self.collect(until: .never)
                } catch {
                    // The process goes on, and the program's end waits for it.
                    self.settle(.failure(error))
                }
            }
        } catch {
            settle(.failure(error))
        }
    }

    private func settle(_ outcome: Outcome) {
        let isWanted = state.withLock { state in
            state.outcome = outcome
            return state.isWanted
        }
        isOver.set()
        if isWanted && isFollowed { decodeElsewhere() }
    }

    /// Waits for the answer and the end of the process, unless somebody has done it.
    private func collect(until deadline: Deadline) throws {
        guard try collecting.acquire(within: deadline.remaining) else { throw timedOut }
        defer { collecting.release() }
        if state.withLock({ $0.outcome != nil }) { return }
        let received = try self.received ?? receive(until: deadline)
        // The end may come later. The next strand need not receive the answer again.
        self.received = received
        guard let status = try process.end.join(until: deadline) else { throw timedOut }
        switch received {
        case .answer(let bytes): settle(.answer(bytes))
        case .nothing:
            settle(
                .failure(
                    WorkerCrashed(
                        name: name, pid: pid, status: status, said: launch.lastWords?.read() ?? []))
            )
        }
    }

    private func receive(until deadline: Deadline) throws -> Received {
        do {
            if !isFollowed { return .answer(try launch.receive(until: deadline)) }
            return .answer(try launch.link.receive(atMost: .max, within: deadline.remaining))
        } catch is TimedOut {
            throw timedOut
        } catch ConnectionError.endOfStream, ConnectionError.truncated {
            return .nothing
        } catch let error as SystemError where error.meansEnd {
            // The process was killed before it read the message.
            return .nothing
        }
    }
}

extension ProcessHandle: CustomStringConvertible {
    /// Such as `ProcessHandle(render, 4711, running)`.
    public var description: String {
        "ProcessHandle(\(name), \(pid), \(exitStatus.map { "\($0)" } ?? "running"))"
    }
}
