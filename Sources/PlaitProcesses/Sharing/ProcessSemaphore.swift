internal import PlaitParking
internal import PlaitPlatform

/// A number of permits that processes share. One strand at a time holds each permit.
///
/// A semaphore goes to another process in the input of its function. It is not fair. If a process
/// dies with a permit, the permit is lost; if that matters, use a ``ProcessLock`` or a
/// ``ProcessQueue`` of tokens.
/// - Source: Python's `multiprocessing.Semaphore` and `BoundedSemaphore`.
public final class ProcessSemaphore: Sendable, Codable {
    private let cell: SharedCell
    /// How many permits may be free at most.
    public let bound: Int

    private enum Key: CodingKey { case cell, bound }

    /// - Parameters:
    ///   - permits: How many permits are free at first.
    ///   - bound: How many permits may be free at most; releasing past it traps. Nil takes 2 to the
    ///     31st.
    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public init(permits: Int, bound: Int? = nil) throws {
        let most = 1 << 31
        demand(
            permits >= 0 && permits <= bound ?? most && bound ?? 1 <= most,
            "a ProcessSemaphore of \(permits) permits, at most \(bound ?? most)")
        self.bound = bound ?? most
        cell = try SharedCell(UInt32(permits), name: "plait-semaphore")
    }

    /// How many permits are free at this moment.
    public var permits: Int { Int(cell.value) }

    /// Takes a permit if one is free. Never waits.
    public func tryAcquire() -> Bool { cell.change { $0 == 0 ? nil : $0 - 1 } }

    /// Takes a permit, waiting while none is free.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Returns: Whether a permit was taken.
    /// - Throws: `CancellationError`.
    @available(*, noasync)
    @discardableResult
    public func acquire(within limit: Duration? = nil) throws -> Bool {
        var turn = SharedTurns.Turn(cell.turns, within: limit)
        return try SharedWait.run(on: target, until: Deadline(within: limit)) { _ in step(&turn) }
            ?? false
    }

    /// As ``acquire(within:)``, suspending the calling task.
    @discardableResult
    public func acquire(within limit: Duration? = nil) async throws -> Bool {
        try await acquire(within: limit, isCancellable: true)
    }

    private func acquire(within limit: Duration?, isCancellable: Bool) async throws -> Bool {
        var turn = SharedTurns.Turn(cell.turns, within: limit)
        return try await SharedWait.run(
            on: target, until: Deadline(within: limit), isCancellable: isCancellable
        ) { _ in step(&turn) } ?? false
    }

    /// Runs `body` holding a permit. Waiting for the permit is not cancellable.
    @available(*, noasync)
    public func withPermit<Result>(_ body: () throws -> Result) throws -> Result {
        var turn = SharedTurns.Turn(cell.turns, within: nil)
        _ = try SharedWait.run(on: target, until: .never, isCancellable: false) { _ in step(&turn) }
        defer { release() }
        return try body()
    }

    /// As ``withPermit(_:)``, suspending the calling task.
    public func withPermit<Result>(_ body: () async throws -> Result) async throws -> Result {
        _ = try await acquire(within: nil, isCancellable: false)
        defer { release() }
        return try await body()
    }

    private var target: WaitTarget { WaitTarget("ProcessSemaphore.acquire", self) }

    private func step(_ turn: inout SharedTurns.Turn) -> SharedStep<Bool> {
        turn.step(
            { tryAcquire() ? true : nil }, or: cell.events.condition { [cell] in cell.value > 0 })
    }

    /// Gives back `count` permits. Traps past the bound.
    public func release(_ count: Int = 1) {
        demand(count >= 1, "release of \(count) permits of a ProcessSemaphore; give 1 or more")
        let isDone = cell.change { free in
            Int(free) + count <= bound ? free + UInt32(count) : nil
        }
        demand(isDone, "release of \(count) permits past the bound \(bound) of a ProcessSemaphore")
        cell.events.tell(count: Int32(clamping: count))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(bound, forKey: .bound)
        try cell.encode(to: container.superEncoder(forKey: .cell), as: "ProcessSemaphore")
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        bound = try container.decode(Int.self, forKey: .bound)
        cell = try SharedCell(
            from: try container.superDecoder(forKey: .cell), as: "ProcessSemaphore")
    }
}
