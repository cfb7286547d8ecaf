internal import PlaitParking
internal import PlaitPlatform

/// A lock that processes share and that survives its holder. When the holder dies, the next strand
/// gets the lock and learns of it, so that it can check the data that the lock guards.
///
/// A lock goes to another process in the input of its function. It is not recursive: a strand that
/// takes it twice waits for itself; see ``ProcessRLock``. The thread that took it must give it
/// back, in any of its fibers. The lock is not fair.
/// - Source: Python's `multiprocessing.Lock`, which stays locked for ever when its holder dies.
public final class ProcessLock: Sendable {
    /// How the lock was obtained.
    public enum Acquisition: String, Codable, Hashable, Sendable {
        /// The last holder gave the lock back.
        case acquired
        /// The last holder died holding the lock, so the guarded data may be inconsistent.
        case ownerDied
    }

    /// The bytes of a block that the lock takes. The guarded data may follow.
    static let size = RobustMutex.size + SharedTurns.size
    let block: SharedBlock
    private let mutex: RobustMutex
    private let turns: SharedTurns

    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public convenience init() throws {
        try self.init(making: try SharedBlock("plait-lock", bytes: Self.size))
    }

    /// Makes a lock at the start of a new block.
    convenience init(making block: SharedBlock) throws {
        self.init(at: block)
        try mutex.make()
    }

    /// Uses the lock at the start of an existing block.
    init(at block: SharedBlock) {
        self.block = block
        mutex = unsafe RobustMutex(at: block.base)
        turns = unsafe SharedTurns(block, at: block.base + RobustMutex.size)
    }

    deinit {
        // The system visits the memory of held locks when their thread ends, so it must stay.
        if mutex.isHeldHere { _ = unsafe Unmanaged.passRetained(block) }
    }

    /// Whether the calling thread holds the lock for one of its strands.
    public var isHeldByThread: Bool { mutex.isMine }

    /// Takes the lock if nobody holds it. Never waits.
    /// - Returns: Nil when somebody holds it.
    public func tryAcquire() -> Acquisition? { attempt(hasSlept: false) }

    /// Takes the lock. Waits while somebody holds it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `CancellationError`.
    @available(*, noasync)
    @discardableResult
    public func acquire() throws -> Acquisition {
        // Without a limit the result is never nil.
        try acquire(within: nil) ?? .acquired
    }

    /// Takes the lock, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Nil when the limit passed first.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> Acquisition? {
        var turn = SharedTurns.Turn(turns, within: limit)
        return try SharedWait.run(on: target, until: Deadline(within: limit)) { step($0, &turn) }
    }

    /// Takes the lock, whatever is cancelled meanwhile.
    /// - Throws: `SystemError`: EAGAIN if the system gives no thread that sleeps for a fiber.
    @available(*, noasync)
    func acquireUncancellably() throws -> Acquisition {
        var turn = SharedTurns.Turn(turns, within: nil)
        return try SharedWait.run(on: target, until: .never, isCancellable: false) {
            step($0, &turn)
        } ?? .acquired
    }

    /// Gives the lock back. Traps when the calling thread does not hold it.
    public func release() {
        demand(
            mutex.release(),
            "release of a ProcessLock that strand \(Strand.current.name) does not hold")
    }

    /// Runs `body` holding the lock. Waiting for the lock is not cancellable.
    /// - Throws: Errors of `body`; `SystemError`: EAGAIN if the system gives no thread that sleeps
    ///   for a fiber.
    @available(*, noasync)
    public func withLock<Result>(_ body: (Acquisition) throws -> Result) throws -> Result {
        let acquisition = try acquireUncancellably()
        defer { release() }
        return try body(acquisition)
    }

    /// Runs `body`, which does not suspend, holding the lock. The calling task is suspended while
    /// it waits for the lock.
    /// - Throws: `CancellationError`; errors of `body`.
    public func withLock<Result>(_ body: (Acquisition) throws -> Result) async throws -> Result {
        try await withLock(isCancellable: true, body)
    }

    /// As ``withLock(_:)-(_)``, whatever is cancelled meanwhile.
    func withLockUncancellably<Result>(
        _ body: (Acquisition) throws -> Result
    ) async throws -> Result {
        try await withLock(isCancellable: false, body)
    }

    private func withLock<Result>(
        isCancellable: Bool, _ body: (Acquisition) throws -> Result
    ) async throws -> Result {
        var turn = SharedTurns.Turn(turns, within: nil)
        // The same thread must take it and give it back, so all happens in one step of the task.
        let result: Result? = try await SharedWait.run(
            on: target, until: .never, isCancellable: isCancellable
        ) { hasSlept in
            try turn.step(
                {
                    guard let acquisition = attempt(hasSlept: hasSlept) else { return nil }
                    defer { release() }
                    return try body(acquisition)
                }, or: mutex.isFree(in: block))
        }
        // Without a limit the result is never nil.
        guard let result else { throw CancellationError() }
        return result
    }

    private var target: WaitTarget { WaitTarget("ProcessLock.acquire", self) }

    private func step(
        _ hasSlept: Bool, _ turn: inout SharedTurns.Turn
    ) -> SharedStep<Acquisition> {
        turn.step({ attempt(hasSlept: hasSlept) }, or: mutex.isFree(in: block))
    }

    private func attempt(hasSlept: Bool) -> Acquisition? {
        switch mutex.tryAcquire(hasWaited: hasSlept) {
        case .busy: nil
        case .taken: .acquired
        case .takenFromDead: .ownerDied
        }
    }
}

extension RobustMutex {
    /// The condition that nobody holds the lock.
    func isFree(in owner: some AnyObject & Sendable) -> SharedCondition {
        SharedCondition(word) { withExtendedLifetime(owner) { announce() } }
    }

    /// Takes a lock that is held only for moments. Returns nil past the deadline. Otherwise as
    /// `SharedWait.run`.
    func acquire(
        in owner: some AnyObject & Sendable, on target: WaitTarget, until deadline: Deadline,
        isCancellable: Bool = true
    ) throws -> Attempt? {
        try SharedWait.run(on: target, until: deadline, isCancellable: isCancellable) { hasSlept in
            let attempt = tryAcquire(hasWaited: hasSlept)
            return attempt == .busy ? .waitBriefly(isFree(in: owner)) : .done(attempt)
        }
    }
}

extension RobustMutex {
    /// Runs `body` holding the lock. The calling task is suspended while it waits for the lock.
    func hold<Result>(
        in owner: some AnyObject & Sendable, on target: WaitTarget, isCancellable: Bool,
        _ body: (Attempt) throws -> Result
    ) async throws -> Result {
        // The same thread must take it and give it back, so all happens in one step of the task.
        let result = try await SharedWait.run(
            on: target, until: .never, isCancellable: isCancellable
        ) { hasSlept in
            let attempt = tryAcquire(hasWaited: hasSlept)
            if attempt == .busy { return SharedStep<Result>.wait(isFree(in: owner)) }
            defer { _ = release() }
            return .done(try body(attempt))
        }
        // Without a limit the result is never nil.
        guard let result else { throw CancellationError() }
        return result
    }

    /// As ``hold(in:on:isCancellable:_:)``, blocking the calling thread or parking the calling
    /// fiber.
    func hold<Result>(
        in owner: some AnyObject & Sendable, on target: WaitTarget,
        _ body: (Attempt) throws -> Result
    ) throws -> Result {
        let attempt = try acquire(in: owner, on: target, until: .never, isCancellable: false)
        defer { _ = release() }
        return try body(attempt ?? .taken)
    }
}

extension ProcessLock: Codable {
    public func encode(to encoder: any Encoder) throws {
        try block.encode(to: encoder, as: "ProcessLock")
    }

    public convenience init(from decoder: any Decoder) throws {
        self.init(at: try SharedBlock(from: decoder, as: "ProcessLock") { $0 == Self.size })
    }
}

extension ProcessLock: CustomStringConvertible {
    /// Such as `ProcessLock(held by thread 4711)`.
    public var description: String { describe("ProcessLock") }

    func describe(_ type: String) -> String {
        mutex.holder.map { "\(type)(held by thread \($0))" } ?? "\(type)(free)"
    }
}
