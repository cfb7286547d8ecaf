internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
public import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// The word `.process`, for `spawn`.
public struct ProcessKind: Sendable {
    @inlinable public static var process: ProcessKind { ProcessKind() }
    @inlinable init() {}
}

/// Starts a process that runs a function.
///
/// Waits until the process is there, which takes a millisecond or a few and is not ended by a
/// cancellation, not for the function. The process's standard input is empty if it is not to be a
/// pipe, but for ``StartMethod/fork``, which leaves it as it is; its standard error goes to the
/// program's. When the function has returned or thrown, the process's own threads are waited for
/// and its `ProgramEnd` actions run, but no exit handlers.
/// - Parameters:
///   - input: Copied to the process.
///   - name: For reports; `process-` and its number if nil.
///   - method: How the process comes to be.
///   - isDaemon: At its end, the program ends the process rather than waiting for it. Nil: if this
///     process is a daemon itself, or the options say so.
///   - options: Where it works and what it may use. Its end with the program's is on by default.
/// - Throws: ``ProcessFunctionError``; `SystemError`: EAGAIN, EMFILE, ENOMEM;
///   ``MultiThreadedFork``; what the input's encoding throws.
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
                // Nobody wants it any more.
            }
        }
    case .forkServer, .spawn:
        launch = try launchSending(function, input, name, isDaemon, method, options)
    }
    let handle = ProcessHandle<Function.Output>(
        launch, isDaemon: isDaemon,
        // Not beside a fork: the next one could not be made with another thread.
        isFollowed: method != .fork)
    RunningProcesses.add(launch.child.end, isDaemon: isDaemon)
    // Somebody takes its status whether or not it is joined.
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
    // A connection holds some 200 KiB with nobody receiving.
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
        // It has ended already: whoever joins it learns why.
    } catch {
        launch.child.kill()
        throw error
    }
    return launch
}

extension ChildProcess.Options {
    /// What a process for a function is started with: it ends with the program.
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
    /// Whether the program ends it rather than wait for it.
    public let isDaemon: Bool
    private let launch: Launch
    /// Whether the answer is waited for though nobody joins.
    private let isFollowed: Bool
    /// Held by whoever waits for the answer itself.
    private let collecting = Lock(onDeadlock: .off)
    /// What came, while the end has not.
    private var received: Received?
    private let state = Guarded(State())
    /// Set with the outcome.
    private let isOver = Event()
    private let promise = Promise<Output>()
    /// Held by the strand that decodes the outcome: a joiner, whose stack the user has chosen.
    private let decoding = Lock(onDeadlock: .off)
    /// What the input refers to, while the process may take it up.
    private var loans: Loans?

    private enum Received {
        case answer([UInt8])
        /// The connection ended without one.
        case nothing
    }

    private enum Outcome {
        case answer([UInt8])
        case failure(any Error)
    }

    private struct State {
        var outcome: Outcome?
        /// Whether somebody has the future, and perhaps nobody joins.
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
        // It cannot be cancelled.
        _ = try? promise.begin()
    }

    public var pid: Int32 { process.pid }
    public var isAlive: Bool { process.isAlive }
    /// How it ended; nil while it runs.
    public var exitStatus: ExitStatus? { process.exitStatus }

    /// The result as a future, for those who wait for several. Cancelling it has no effect.
    ///
    /// Of a ``StartMethod/fork`` it is done when somebody joins the handle, and not by itself: a
    /// thread that waited for it would keep the program from forking again. Else a thread of its
    /// own decodes the result, if no joiner has done that.
    public var future: Future<Output> {
        let isOver = state.withLock { state in
            state.isWanted = true
            return state.outcome != nil
        }
        if isOver && !promise.future.isDone { decodeElsewhere() }
        return promise.future
    }

    /// Asks it to end: sends SIGTERM.
    public func terminate() { process.terminate() }

    /// Ends it at once: sends SIGKILL.
    public func kill() { process.kill() }

    /// Waits until it has ended, and returns the function's value or throws its error.
    ///
    /// Blocks the calling thread or parks the calling fiber. The first that joins decodes the
    /// result, on its own stack; others wait for that. Processes that it has left behind are not
    /// waited for.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: What the function threw; ``WorkerCrashed`` when the process ended without an
    ///   answer; `TimedOut` past the limit, the process goes on then; `CancellationError`.
    /// - Source: Python's `Process.join`, with the result that that lacks.
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

    /// Waits until it has ended, suspending the calling task.
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

    /// Makes the result of the outcome, unless that has been done. Under `decoding`.
    private func decode() {
        guard !promise.future.isDone, let outcome = state.withLock(\.outcome) else { return }
        let result = Result<Output, any Error> {
            switch outcome {
            case .answer(let bytes): try Answer.read(bytes, as: Output.self)
            case .failure(let error): throw error
            }
        }
        // Behind the result, which may refer to the same.
        loans = nil
        try? promise.complete(with: result)
    }

    /// Decodes for those who wait for the future.
    private func decodeElsewhere() {
        let work: @Sendable () -> Void = { _ = try? self.join() }
        do throws(SystemError) {
            try startThread(name: "plait-decoding", work)
        } catch {
            work()
        }
    }

    // MARK: The outcome

    /// Has ``ChildService`` wait for the answer. Whoever waits for the result is told what keeps it
    /// from that.
    func follow() {
        guard isFollowed else { return }
        do {
            try ChildService.begin(name, orElse: { self.settle(.failure($0)) }) {
                do {
                    try self.collect(until: .never)
                } catch {
                    // The process goes on, for the program's end to wait for.
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

    /// Waits for the answer and the end, unless somebody has done it.
    private func collect(until deadline: Deadline) throws {
        guard try collecting.acquire(within: deadline.remaining) else { throw timedOut }
        defer { collecting.release() }
        if state.withLock({ $0.outcome != nil }) { return }
        let received = try self.received ?? receive(until: deadline)
        // The end may be late: whoever comes next need not receive again.
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
            // It was killed with our message unread.
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
