internal import PlaitIO
public import PlaitPlatform
public import PlaitProcesses
internal import PlaitStrands
internal import Synchronization

/// A process that keeps objects for other processes. Any number of them can make calls on the same
/// object.
///
/// A call is a message to the manager and one back, which takes some microseconds. For faster
/// access share memory (`SharedMemory`, `ProcessQueue`). The objects are dictionaries, lists,
/// queues, locks and the like, and objects of your own classes: see ``ManagedCall``.
///
/// ```swift
/// enum Note: ProcessFunction {
///     static func run(_ book: ManagedDictionary<String, Int>) throws -> Nothing {
///         try book.set("pid", 1)
///         return Nothing()
///     }
/// }
/// try withManager { manager in
///     let book: ManagedDictionary<String, Int> = try manager.dictionary()
///     try spawn(.process, Note.self, book).join()
///     print(try book.get("pid") ?? 0)
/// }
/// ```
/// The process ends when the program that started it has no reference to the manager or to one of
/// its objects any more. It also ends with the program, and leaves nothing behind. It listens on an
/// abstract Unix address with a random key. It ignores SIGINT, which the terminal sends to all
/// processes. A trap in a call ends the process and its objects: see ``ManagerDied``.
/// - Source: Python's `multiprocessing.managers.SyncManager`.
public final class Manager: Sendable {
    let client: ManagerClient
    /// The address for ``connect(to:key:within:)``, on this machine; see ``listen(on:key:)``.
    public var address: SocketAddress { client.address }
    public var name: String { client.identity.name }
    public var pid: Int32 { client.identity.pid }

    private init(_ client: ManagerClient) { self.client = client }

    // MARK: Beginning

    /// Starts a manager's process.
    ///
    /// Blocks the calling thread or parks the calling fiber until the manager answers, for some
    /// milliseconds.
    /// - Parameters:
    ///   - name: The name in reports; nil takes `manager` and the process number.
    ///   - method: How to start the process.
    ///   - options: Working directory, environment and limits of the process.
    ///   - limits: The limits of messages.
    /// - Throws: ``ManagerDied`` if it crashes at once; the errors of `spawn(.process, …)`.
    /// - Source: Python's `BaseManager.start`.
    @available(*, noasync)
    public static func start(
        name: String? = nil, method: StartMethod = .forkServer,
        options: ChildProcess.Options = .ofFunction, limits: ManagerLimits = ManagerLimits()
    ) throws -> Manager {
        let id = Handshake.challenge()[..<16].map { String($0, radix: 16) }.joined(separator: "-")
        let key = Handshake.challenge()
        guard let address = SocketAddress(unixPath: "\0\(addressStart)\(id)") else {
            fatalError("plait: no address of a manager")
        }
        // The listening socket is made here, so that clients can connect at once.
        let socket = try ListeningSocket(address, backlog: 128)
        let process = try socket.withNumber { number in
            let plan = ManagerPlan(
                id: id, name: name ?? "manager", address: address, key: key,
                listener: PassedDescriptor(number), limits: limits)
            return try spawn(
                .process, ManagerLife.self, plan, name: name ?? "manager", method: method,
                isDaemon: true, options: options)
        }
        // Otherwise this copy would take connections that nobody answers once the process has
        // ended.
        socket.closeCopy()
        do {
            return Manager(
                try ManagerClients.shared.connect(
                    to: address, key: key, within: nil, process: process))
        } catch let error as ManagerDied {
            throw error
        } catch is CancellationError {
            process.kill()
            throw CancellationError()
        } catch {
            process.kill()
            guard let crash = crash(of: process) else { throw error }
            throw ManagerDied(name: process.name, pid: process.pid, crash: crash)
        }
    }

    /// Starts a manager's process, and runs a function in it before anybody makes a call.
    ///
    /// Blocks the calling thread or parks the calling fiber until the function has returned.
    /// - Parameters:
    ///   - initializer: The function. Its result is dropped.
    ///   - input: The function's input, which is copied to the process. It cannot contain a
    ///     `ProcessLock` or the like.
    /// - Throws: As ``start(name:method:options:limits:)``; the function's error, and then the
    ///   process is ended.
    /// - Source: Python's `BaseManager.start(initializer, initargs)`.
    @available(*, noasync)
    public static func start<Function: ProcessFunction>(
        name: String? = nil, method: StartMethod = .forkServer,
        options: ChildProcess.Options = .ofFunction, limits: ManagerLimits = ManagerLimits(),
        initializer: Function.Type, _ input: Function.Input
    ) throws -> Manager {
        let manager = try start(name: name, method: method, options: options, limits: limits)
        do {
            _ = try manager.client.call(
                ManagerRoot.Initialize(initializer, input, manager.client),
                on: ManagerRoot.number, within: nil)
            return manager
        } catch {
            manager.client.process?.kill()
            throw error
        }
    }

    /// The beginning of the addresses of managers.
    static let addressStart = "plait-manager-"

    /// How the manager crashed; nil if it did not, or if that is not known soon.
    static func crash(of process: ProcessHandle<Nothing>) -> WorkerCrashed? {
        do {
            try process.join(within: .milliseconds(80))
        } catch let crash as WorkerCrashed {
            return crash
        } catch {
            // The manager is alive, or it told why it ended.
        }
        return nil
    }

    /// Connects to a manager that this program or another one started.
    ///
    /// Blocks the calling thread or parks the calling fiber. A process has one connection to a
    /// manager, however often it connects.
    /// - Throws: As `Connection.connect(to:key:within:)`.
    /// - Source: Python's `BaseManager.connect`.
    @available(*, noasync)
    public static func connect(
        to address: SocketAddress, key: [UInt8]?, within limit: Duration? = nil
    ) throws -> Manager {
        Manager(try ManagerClients.shared.connect(to: address, key: key, within: limit))
    }

    /// Starts a manager's process, suspending the calling task until it answers.
    public static func start(
        name: String? = nil, method: StartMethod = .forkServer,
        options: ChildProcess.Options = .ofFunction, limits: ManagerLimits = ManagerLimits()
    ) async throws -> Manager {
        try await blocking {
            try start(name: name, method: method, options: options, limits: limits)
        }
    }

    /// As ``start(name:method:options:limits:initializer:_:)``, suspending the calling task.
    public static func start<Function: ProcessFunction>(
        name: String? = nil, method: StartMethod = .forkServer,
        options: ChildProcess.Options = .ofFunction, limits: ManagerLimits = ManagerLimits(),
        initializer: Function.Type, _ input: Function.Input
    ) async throws -> Manager {
        let manager = try await start(
            name: name, method: method, options: options, limits: limits)
        do {
            _ = try await manager.client.call(
                ManagerRoot.Initialize(initializer, input, manager.client),
                on: ManagerRoot.number, within: nil)
            return manager
        } catch {
            manager.client.process?.kill()
            throw error
        }
    }

    /// Connects to a manager, suspending the calling task.
    public static func connect(
        to address: SocketAddress, key: [UInt8]?, within limit: Duration? = nil
    ) async throws -> Manager {
        try await blocking { try connect(to: address, key: key, within: limit) }
    }

    /// Makes the manager listen on a further address, for programs that have `key`.
    ///
    /// These programs must have the same version as this one, and cannot make calls whose types are
    /// private. Nothing is encrypted: see ``ConnectionListener``.
    /// - Returns: The address on which it listens. If you gave port 0, it has the port that the
    ///   system chose.
    /// - Throws: `RemoteError` if the address is not available; ``ManagerDied``.
    @available(*, noasync)
    public func listen(on address: SocketAddress, key: [UInt8]) throws -> SocketAddress {
        try client.call(
            ManagerRoot.Listen(address: address, key: key), on: ManagerRoot.number, within: nil)
    }

    // MARK: Ending

    /// Ends the manager and its objects. Later calls on them throw ``ManagerDied``.
    ///
    /// Blocks the calling thread or parks the calling fiber. A second call does nothing.
    /// - Parameter limit: How long the manager may take to end by itself. After that SIGTERM ends
    ///   it.
    /// - Returns: How the manager ended; exit code 0 if it ended by itself. Nil if another process
    ///   started the manager: the call does not wait for it then.
    /// - Source: Python's `BaseManager.shutdown`.
    @available(*, noasync)
    @discardableResult
    public func shutDown(within limit: Duration = .seconds(1)) throws -> ExitStatus? {
        let deadline = Deadline(within: limit)
        do {
            _ = try client.call(
                ManagerRoot.ShutDown(), on: ManagerRoot.number, within: deadline.remaining)
        } catch is ManagerDied {
            // The manager has ended already.
        } catch is TimedOut {
            // The manager is busy, so a signal ends it.
        }
        guard let process = client.process else { return nil }
        do {
            return try process.process.join(within: deadline.remaining)
        } catch is TimedOut {
            process.terminate()
        }
        do {
            return try process.process.join(within: .seconds(1))
        } catch is TimedOut {
            process.kill()
        }
        return try process.process.join()
    }

    /// Ends the manager, suspending the calling task.
    @discardableResult
    public func shutDown(within limit: Duration = .seconds(1)) async throws -> ExitStatus? {
        try await blocking { try self.shutDown(within: limit) }
    }

    // MARK: Objects

    /// Makes an object in the manager.
    ///
    /// The object lives as long as there is a reference to it, in any process.
    /// - Throws: Errors of its initializer; ``ManagerDied``.
    @available(*, noasync)
    public func make<Object: ManagedType>(
        _ type: Object.Type, _ input: Object.Input
    ) throws -> Managed<Object> {
        try object(type, nil, input)
    }

    @available(*, noasync)
    func object<Object: ManagedType>(
        _ type: Object.Type, _ name: String?, _ input: Object.Input
    ) throws -> Managed<Object> {
        let call = try ManagerRoot.Make(type, name, input, client)
        return Managed(try client.call(call, on: ManagerRoot.number, within: nil).reference)
    }

    func object<Object: ManagedType>(
        _ type: Object.Type, _ name: String?, _ input: Object.Input
    ) async throws -> Managed<Object> {
        let call = try ManagerRoot.Make(type, name, input, client)
        return Managed(try await client.call(call, on: ManagerRoot.number, within: nil).reference)
    }

    /// Finds the object with this name, or makes it.
    ///
    /// The object lives as long as the manager.
    /// - Throws: As ``make(_:_:)``; ``ManagerError/otherType(expected:found:)`` if the object with
    ///   this name has another type.
    @available(*, noasync)
    public func make<Object: ManagedType>(
        _ type: Object.Type, named name: String, _ input: Object.Input
    ) throws -> Managed<Object> {
        try object(type, name, input)
    }

    /// Makes an object in the manager, or finds the object with a name, suspending the calling
    /// task.
    public func make<Object: ManagedType>(
        _ type: Object.Type, named name: String? = nil, _ input: Object.Input
    ) async throws -> Managed<Object> {
        try await object(type, name, input)
    }

    /// The figures of a manager at this moment.
    public struct Statistics: Codable, Hashable, Sendable {
        /// How many objects there are, including those with names.
        public let objects: Int
        /// How many processes are connected.
        public let connections: Int
        /// How many calls wait in the manager, in fibers of their own.
        public let waiting: Int
    }

    /// The figures of a manager at this moment.
    /// - Source: Python's `BaseManager._number_of_objects`.
    @available(*, noasync)
    public func statistics() throws -> Statistics {
        try client.call(ManagerRoot.Count(), on: ManagerRoot.number, within: nil)
    }

    /// The figures of a manager at this moment, suspending the calling task.
    public func statistics() async throws -> Statistics {
        try await client.call(ManagerRoot.Count(), on: ManagerRoot.number, within: nil)
    }
}

extension Manager: CustomStringConvertible {
    /// Such as `Manager(books, 4711)`.
    public var description: String { "Manager(\(name), \(pid))" }
}

/// Starts a manager, runs `body` with it, and shuts it down.
/// - Throws: The errors of ``Manager/start(name:method:options:limits:)`` and of `body`.
/// - Source: Python's `with Manager() as manager`.
@available(*, noasync)
public func withManager<Result>(
    name: String? = nil, method: StartMethod = .forkServer, _ body: (Manager) throws -> Result
) throws -> Result {
    try withManager(try Manager.start(name: name, method: method), body)
}

/// Runs `body` with a running manager, and then shuts the manager down.
@available(*, noasync)
public func withManager<Result>(
    _ manager: Manager, _ body: (Manager) throws -> Result
) throws -> Result {
    let result: Result
    do {
        result = try body(manager)
    } catch {
        _ = try? manager.shutDown()
        throw error
    }
    try manager.shutDown()
    return result
}

/// As ``withManager(name:method:_:)``, for tasks.
public func withManager<Result>(
    name: String? = nil, method: StartMethod = .forkServer,
    _ body: (Manager) async throws -> Result
) async throws -> Result {
    try await withManager(try await Manager.start(name: name, method: method), body)
}

/// As ``withManager(_:_:)``, for tasks. It shuts the manager down even if the task is cancelled.
public func withManager<Result>(
    _ manager: Manager, _ body: (Manager) async throws -> Result
) async throws -> Result {
    let result: Result
    do {
        result = try await body(manager)
    } catch {
        _ = try? await Task { try await manager.shutDown() }.value
        throw error
    }
    try await manager.shutDown()
    return result
}
