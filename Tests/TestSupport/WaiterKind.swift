internal import PlaitParking
public import PlaitStrands
internal import PlaitPlatform
internal import SystemPackage
internal import Synchronization

/// All that can wait in Plait.
public enum WaiterKind: String, CaseIterable, Sendable {
    case thread, fiber, task

    /// Every pair of kinds.
    public static var pairs: [(WaiterKind, WaiterKind)] {
        allCases.flatMap { first in allCases.map { (first, $0) } }
    }

    /// Starts a strand or task of this kind. The two bodies read alike; a task runs the second.
    ///
    /// - Parameter usesPool: Runs a task on Swift's pool, rather than on a hub's thread.
    public func start<Success: Sendable>(
        usesPool: Bool = false, _ blocking: @escaping @Sendable () throws -> Success,
        task suspending: @escaping @Sendable () async throws -> Success
    ) -> Started<Success> {
        switch self {
        case .thread:
            let kernelID = Box<Int32>(0)
            let handle = spawn(.thread) {
                kernelID.set(kernelThreadID())
                return try blocking()
            }
            return Started(.thread(handle, kernelID))
        case .fiber:
            let hub = SharedHubs.next()
            return Started(.fiber(spawn(.fiber, on: hub, blocking), hub))
        case .task where usesPool:
            return Started(.task(Task.detached { try await suspending() }, nil))
        case .task:
            let hub = SharedHubs.next()
            let task = Task.detached(executorPreference: hub.executor) { try await suspending() }
            return Started(.task(task, hub))
        }
    }
}

/// What ``WaiterKind/start(_:task:)`` started.
public struct Started<Success: Sendable>: Sendable {
    enum Form: Sendable {
        case thread(JoinHandle<Success>, Box<Int32>)
        case fiber(JoinHandle<Success>, Hub)
        case task(Task<Success, any Error>, Hub?)
    }

    private let form: Form

    init(_ form: Form) { self.form = form }

    /// What it returned or threw.
    public func value() async throws -> Success {
        switch form {
        case .thread(let handle, _), .fiber(let handle, _): return try await handle.join()
        case .task(let task, _):
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        }
    }

    public func cancel() {
        switch form {
        case .thread(let handle, _), .fiber(let handle, _): handle.cancel()
        case .task(let task, _): task.cancel()
        }
    }

    /// Returns once it waits, and is in the queue of what it waits for. Of a task, only for its
    /// first wait.
    public func untilParked() async throws {
        switch form {
        case .thread(let handle, let kernelID):
            // It says that it waits a little before it is queued: it must also sleep.
            try await until {
                handle.strand.currentWait != nil && isAsleep(kernelID.value)
                    && handle.strand.currentWait != nil
            }
        case .fiber(let handle, let hub):
            try await until { await hub.answer { handle.strand.currentWait != nil } }
        case .task(_, let hub):
            // Jobs and messages share one queue: the task's first job ran until it was suspended.
            guard let hub else { preconditionFailure("a task of the pool cannot be observed") }
            _ = await hub.answer { true }
        }
    }
}

extension Hub {
    /// Runs `body` on the hub's thread.
    public func answer<Answer: Sendable>(
        _ body: @escaping @Sendable () -> Answer
    ) async -> Answer {
        await withCheckedContinuation { continuation in
            post { continuation.resume(returning: body()) }
        }
    }
}

/// Two hubs for the fibers and tasks of all tests, taken in turn.
public enum SharedHubs {
    private static let hubs: [BackgroundHub] = {
        do {
            return try [Hub.start(name: "test-hub-1"), Hub.start(name: "test-hub-2")]
        } catch {
            fatalError("no hubs for tests: \(error)")
        }
    }()
    private static let turn = Atomic<Int>(0)

    public static func next() -> Hub {
        hubs[turn.wrappingAdd(1, ordering: .relaxed).oldValue % hubs.count].hub
    }

    public static var first: Hub { hubs[0].hub }
    public static var second: Hub { hubs[1].hub }
}

/// Whether the kernel has put a thread of this process to sleep.
public func isAsleep(_ kernelID: Int32) -> Bool {
    do {
        let file = try unsafe FileDescriptor.open("/proc/self/task/\(kernelID)/stat", .readOnly)
        return try file.closeAfter {
            var bytes = [UInt8](repeating: 0, count: 512)
            let count = try unsafe bytes.withUnsafeMutableBytes { try unsafe file.read(into: $0) }
            let text = String(decoding: bytes.prefix(count), as: UTF8.self)
            // "number (name) state …"
            return text.split(separator: ")").last?.hasPrefix(" S") == true
        }
    } catch {
        return false
    }
}
