internal import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// A recursive lock that processes share. Its holder may take it again, and must give it back as
/// often. It survives its holder, as a ``ProcessLock`` does.
///
/// A lock goes to another process in the input of its function.
/// - Source: Python's `multiprocessing.RLock`.
public final class ProcessRLock: Sendable {
    private static let size = ProcessLock.size + 16
    private let lock: ProcessLock

    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public init() throws {
        lock = try ProcessLock(making: try SharedBlock("plait-rlock", bytes: Self.size))
    }

    private init(at lock: ProcessLock) { self.lock = lock }

    // Only the holder writes the two words.
    private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (lock.block.base + ProcessLock.size + offset).assumingMemoryBound(
            to: Atomic<UInt64>.self)
    }
    private var owner: UnsafeMutablePointer<Atomic<UInt64>> { unsafe word(0) }
    private var level: UnsafeMutablePointer<Atomic<UInt64>> { unsafe word(8) }

    /// Whether the calling strand holds the lock.
    public var isHeld: Bool {
        guard lock.isHeldByThread else { return false }
        return unsafe owner.pointee.load(ordering: .relaxed) == Strand.current.id
    }

    /// How often the calling strand has taken the lock; 0 when it does not hold it.
    public var depth: Int { isHeld ? Int(unsafe level.pointee.load(ordering: .relaxed)) : 0 }

    /// Takes the lock if nobody else holds it. Never waits.
    /// - Returns: Nil when another strand holds it.
    public func tryAcquire() -> ProcessLock.Acquisition? {
        isHeld ? again() : lock.tryAcquire().map(first)
    }

    /// Takes the lock. Waits while another strand holds it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Returns: `.ownerDied` for the first strand that takes the lock after its holder's death.
    /// - Throws: `CancellationError`.
    @available(*, noasync)
    @discardableResult
    public func acquire() throws -> ProcessLock.Acquisition {
        // Without a limit the result is never nil.
        try acquire(within: nil) ?? .acquired
    }

    /// Takes the lock, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Nil when the limit passed first.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> ProcessLock.Acquisition? {
        try isHeld ? again() : lock.acquire(within: limit).map(first)
    }

    /// Gives the lock back once. Traps when the calling strand does not hold it.
    public func release() {
        demand(isHeld, "release of a ProcessRLock that strand \(Strand.current.name) does not hold")
        if unsafe level.pointee.wrappingSubtract(1, ordering: .relaxed).newValue > 0 { return }
        unsafe owner.pointee.store(0, ordering: .relaxed)
        lock.release()
    }

    /// Runs `body` holding the lock. Waiting for the lock is not cancellable.
    /// - Throws: Errors of `body`; `SystemError`: EAGAIN if the system gives no thread that sleeps
    ///   for a fiber.
    @available(*, noasync)
    public func withLock<Result>(
        _ body: (ProcessLock.Acquisition) throws -> Result
    ) throws -> Result {
        let acquisition = isHeld ? again() : first(try lock.acquireUncancellably())
        defer { release() }
        return try body(acquisition)
    }

    /// Runs `body`, which does not suspend, holding the lock. The calling task is suspended while
    /// it waits for the lock.
    /// - Throws: `CancellationError`; what `body` throws.
    public func withLock<Result>(
        _ body: (ProcessLock.Acquisition) throws -> Result
    ) async throws -> Result {
        try await lock.withLock { acquisition in
            _ = first(acquisition)
            defer { unsafe owner.pointee.store(0, ordering: .relaxed) }
            return try body(acquisition)
        }
    }

    private func first(_ acquisition: ProcessLock.Acquisition) -> ProcessLock.Acquisition {
        unsafe owner.pointee.store(Strand.current.id, ordering: .relaxed)
        unsafe level.pointee.store(1, ordering: .relaxed)
        return acquisition
    }

    private func again() -> ProcessLock.Acquisition {
        _ = unsafe level.pointee.wrappingAdd(1, ordering: .relaxed)
        return .acquired
    }
}

extension ProcessRLock: Codable {
    public func encode(to encoder: any Encoder) throws {
        try lock.block.encode(to: encoder, as: "ProcessRLock")
    }

    public convenience init(from decoder: any Decoder) throws {
        let block = try SharedBlock(from: decoder, as: "ProcessRLock") { $0 == Self.size }
        self.init(at: ProcessLock(at: block))
    }
}

extension ProcessRLock: CustomStringConvertible {
    /// Such as `ProcessRLock(held by thread 4711)`.
    public var description: String { lock.describe("ProcessRLock") }
}
