internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitSync

/// The lock in its manager: a permit and its holder.
final class LockStore<Kind: LockKind>: ManagedType, HeldByCaller {
    typealias Acquisition = ProcessLock.Acquisition
    private let permit = CountingSemaphore(permits: 1)
    private(set) var holder: ManagedCaller?
    private(set) var depth = 0
    private var ownerDied = false

    init(_ nothing: Nothing) {}

    func tryTake(_ caller: ManagedCaller) throws -> Acquisition? {
        if Kind.isRecursive && holder == caller {
            depth += 1
            return .acquired
        }
        return permit.tryAcquire() ? try take(caller) : nil
    }

    func take(_ caller: ManagedCaller, within limit: Duration?) throws -> Acquisition? {
        if let acquisition = try tryTake(caller) { return acquisition }
        return try permit.acquire(within: limit) ? try take(caller) : nil
    }

    /// Takes the lock again `depth` times, whatever happens to the call, unless the caller's
    /// process has ended.
    /// - Returns: Whether the call was cancelled meanwhile.
    func retake(_ caller: ManagedCaller, depth: Int) throws -> Bool {
        var wasCancelled = false
        while true {
            do {
                _ = try permit.acquire(within: nil)
                break
            } catch {
                guard isAlive(caller) else { throw error }
                wasCancelled = true
            }
        }
        _ = try take(caller)
        self.depth = depth
        return wasCancelled
    }

    /// Makes the caller the holder of the permit.
    private func take(_ caller: ManagedCaller) throws -> Acquisition {
        // The caller may have ended after it got the permit.
        guard isAlive(caller) else {
            permit.release()
            throw CancellationError()
        }
        holder = caller
        depth = 1
        session(caller)?.note(self)
        defer { ownerDied = false }
        return ownerDied ? .ownerDied : .acquired
    }

    func demandHeld(by caller: ManagedCaller) throws(ManagerError) {
        guard holder == caller else { throw .notHeld }
    }

    func release(_ caller: ManagedCaller) throws {
        try demandHeld(by: caller)
        depth -= 1
        if depth == 0 { giveUp(caller) }
    }

    /// Gives the lock back completely, and returns how often the caller had taken it.
    func releaseAll(_ caller: ManagedCaller) -> Int {
        defer { giveUp(caller) }
        return depth
    }

    private func giveUp(_ caller: ManagedCaller) {
        holder = nil
        depth = 0
        session(caller)?.forget(self)
        permit.release()
    }

    func callerEnded(_ session: UInt64) {
        guard holder?.session == session else { return }
        holder = nil
        depth = 0
        ownerDied = true
        permit.release()
    }

    private func session(_ caller: ManagedCaller) -> ServerSession? {
        ManagerServer.current?.session(caller.session)
    }

    private func isAlive(_ caller: ManagedCaller) -> Bool {
        // The manager itself has no connection.
        caller.session == 0 || session(caller) != nil
    }
}

extension LockStore {
    struct TryAcquire: CallerCall {
        func run(on lock: LockStore, for caller: ManagedCaller) throws -> Acquisition? {
            try lock.tryTake(caller)
        }
    }

    struct Acquire: CallerCall, ReturnedCall {
        static var mayWait: Bool { true }

        func run(on lock: LockStore, for caller: ManagedCaller) throws -> Acquisition {
            // Without a limit the result is never nil.
            try lock.take(caller, within: nil) ?? .acquired
        }

        func runAtOnce(on lock: LockStore, for caller: ManagedCaller) throws -> Acquisition? {
            try lock.tryTake(caller)
        }

        func returning(_ acquisition: Acquisition) -> Release? { Release() }
    }

    struct AcquireWithin: CallerCall, LimitedCall, ReturnedCall {
        let limit: Duration?
        static var mayWait: Bool { true }

        func run(on lock: LockStore, for caller: ManagedCaller) throws -> Acquisition? {
            try lock.take(caller, within: limit)
        }

        func runAtOnce(
            on lock: LockStore, for caller: ManagedCaller
        ) throws -> Acquisition?? {
            try lock.tryTake(caller).map { .some($0) }
        }

        var outputPastLimit: Acquisition? { nil }

        func returning(_ acquisition: Acquisition?) -> Release? {
            acquisition.map { _ in Release() }
        }
    }

    struct Release: CallerCall {
        func run(on lock: LockStore, for caller: ManagedCaller) throws -> Nothing {
            try lock.release(caller)
            return Nothing()
        }
    }
}
