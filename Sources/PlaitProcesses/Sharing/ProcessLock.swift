internal import PlaitParking
internal import PlaitPlatform

/// A lock that processes share, and that survives its holder: when that dies, the next one gets the
/// lock and is told, so that it can look at what the lock guards.
///
/// It goes to another process in the input of its function. Not recursive: a strand that takes it
/// twice waits for itself; see ``ProcessRLock``. Given back by the thread that took it, or by a
/// fiber of that. Not fair.
/// - Source: Python's `multiprocessing.Lock`, which its holder's death leaves locked for ever.
public final class ProcessLock: Sendable {
    /// How it was come by.
    public enum Acquisition: String, Codable, Hashable, Sendable {
        /// Its last holder gave it back.
        case acquired
        /// Its last holder died with it: what it guards may be half done.
        case ownerDied
    }

    /// What it takes of a block; what it guards may follow.
    static let size = RobustMutex.size + SharedTurns.size
    let block: SharedBlock
    private let mutex: RobustMutex
    private let turns: SharedTurns

    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public convenience init() throws {
        try self.init(making: try SharedBlock("plait-lock", bytes: Self.size))
    }

    /// At the start of a new block.
    convenience init(making block: SharedBlock) throws {
        self.init(at: block)
        try mutex.make()
    }

    /// At the start of a block that has one.
    init(at block: SharedBlock) {
        self.block = block
        mutex = unsafe RobustMutex(at: block.base)
        turns = unsafe SharedTurns(block, at: block.base + RobustMutex.size)
    }

    deinit {
        // The system goes through the memory of held locks when their thread ends.
        if mutex.isHeldHere { _ = unsafe Unmanaged.passRetained(block) }
    }

    /// Whether the calling thread holds it, for one of its strands.
    public var isHeldByThread: Bool { mutex.isMine }

    /// Takes it if nobody holds it. Never waits.
    /// - Returns: Nil when somebody holds it.
    public func tryAcquire() -> Acquisition? { attempt(hasSlept: false) }

    /// Takes it, waiting while somebody holds it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `CancellationError`.
    @available(*, noasync)
    @discardableResult
    public func acquire() throws -> Acquisition {
        // Without a limit it ends only so.
        try acquire(within: nil) ?? .acquired
    }

    /// Takes it, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Nil when the limit passed first.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> Acquisition? {
        var turn = SharedTurns.Turn(turns, within: limit)
        return try SharedWait.run(on: target, until: Deadline(within: limit)) { step($0, &turn) }
    }

    /// Takes it, whatever is cancelled meanwhile.
    /// - Throws: `SystemError`: EAGAIN where no thread can be had that sleeps for a fiber.
    @available(*, noasync)
    func acquireUncancellably() throws -> Acquisition {
        var turn = SharedTurns.Turn(turns, within: nil)
        return try SharedWait.run(on: target, until: .never, isCancellable: false) {
            step($0, &turn)
        } ?? .acquired
    }

    /// Gives it back. Traps when the calling thread does not hold it.
    public func release() {
        demand(
            mutex.release(),
            "release of a ProcessLock that strand \(Strand.current.name) does not hold")
    }

    /// Runs `body` holding it. Waiting for it is not cancellable.
    /// - Throws: What `body` throws; `SystemError`: EAGAIN where no thread can be had that sleeps
    ///   for a fiber.
    @available(*, noasync)
    public func withLock<Result>(_ body: (Acquisition) throws -> Result) throws -> Result {
        let acquisition = try acquireUncancellably()
        defer { release() }
        return try body(acquisition)
    }

    /// Runs `body`, which does not suspend, holding it; the calling task is suspended while it
    /// waits.
    /// - Throws: `CancellationError`; what `body` throws.
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
        // The thread that takes it gives it back: all in one step of the task.
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
        // Without a limit it ends only so.
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
    /// That nobody holds it.
    func isFree(in owner: some AnyObject & Sendable) -> SharedCondition {
        SharedCondition(word) { withExtendedLifetime(owner) { announce() } }
    }

    /// Takes it from those who hold it for a moment; nil past the deadline. As `SharedWait.run`
    /// otherwise.
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
    /// Runs `body` holding it; the calling task is suspended while it waits.
    func hold<Result>(
        in owner: some AnyObject & Sendable, on target: WaitTarget, isCancellable: Bool,
        _ body: (Attempt) throws -> Result
    ) async throws -> Result {
        // The thread that takes it gives it back: all in one step of the task.
        let result = try await SharedWait.run(
            on: target, until: .never, isCancellable: isCancellable
        ) { hasSlept in
            let attempt = tryAcquire(hasWaited: hasSlept)
            if attempt == .busy { return SharedStep<Result>.wait(isFree(in: owner)) }
            defer { _ = release() }
            return .done(try body(attempt))
        }
        // Without a limit it ends only so.
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
