internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync
internal import Synchronization

/// A point at which a fixed number of strands of several processes wait for each other, again and
/// again.
///
/// When the last of them has arrived, all go on; this is a pass. A party whose limit passes breaks
/// the barrier for all, since the others would wait for ever. A party that is cancelled, or whose
/// process dies, leaves its place to another. There are at most 1,024 parties. A barrier goes to
/// another process in the input of its function.
/// - Source: Python's `multiprocessing.Barrier`.
public final class ProcessBarrier: Sendable {
    private static let size = 128 + WaiterTable.size
    /// How many strands make a pass.
    public let parties: Int
    private let limit: Duration?
    private let block: SharedBlock
    private let mutex: RobustMutex
    private let table: WaiterTable

    /// - Parameters:
    ///   - parties: How many strands make a pass; at least 1.
    ///   - limit: The limit of waits that give none; `nil` waits for ever.
    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public convenience init(parties: Int, within limit: Duration? = nil) throws {
        demand(
            parties >= 1 && parties <= WaiterTable.places,
            "a ProcessBarrier of \(parties) parties; give 1 to \(WaiterTable.places)")
        self.init(parties, limit, try SharedBlock("plait-barrier", bytes: Self.size))
        try mutex.make()
    }

    private init(_ parties: Int, _ limit: Duration?, _ block: SharedBlock) {
        self.parties = parties
        self.limit = limit
        self.block = block
        mutex = unsafe RobustMutex(at: block.base)
        table = WaiterTable(block, at: 128)
    }

    private var broken: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (block.base + RobustMutex.size).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// Whether every wait throws `BarrierError.broken`, until ``reset()``.
    public var isBroken: Bool { unsafe broken.pointee.load(ordering: .acquiring) != 0 }

    /// How many parties have arrived and wait for the others.
    /// - Throws: As ``abort()``.
    @available(*, noasync)
    public func waitingCount() throws -> Int {
        try locked { table.places(in: .waiting).count }
    }

    // MARK: Waiting

    /// Waits for the other parties, at most for the barrier's own limit.
    ///
    /// Blocks the calling thread or parks the calling fiber. The party that completes the pass does
    /// not wait.
    /// - Parameter action: The party that arrives last runs its own action before any party goes
    ///   on. If the action throws, that party gets the error, and the barrier is broken. It must
    ///   not wait at this barrier.
    /// - Returns: A number from 0 to `parties` - 1, different for each party of a pass. 0 is the
    ///   party that arrived last.
    /// - Throws: `BarrierError.broken`; the error of the action; `CancellationError`, even if the
    ///   pass has been made meanwhile; `SystemError`: EAGAIN if the system gives no thread that
    ///   sleeps for a fiber.
    /// - Source: Python's `Barrier.wait`.
    @available(*, noasync)
    @discardableResult
    public func wait(action: (() throws -> Void)? = nil) throws -> Int {
        try wait(within: limit, action: action)
    }

    /// Waits for the other parties, at most `limit`. With `.zero` only the last party passes; `nil`
    /// waits for ever. The limit includes the action; past it, the barrier is broken.
    @available(*, noasync)
    @discardableResult
    public func wait(within limit: Duration?, action: (() throws -> Void)? = nil) throws -> Int {
        switch try locked({ try arrive(acting: action != nil) }) {
        case .passed: return 0
        case .acts(let others):
            let outcome = Result { try action?() }
            try locked { try finishAction(outcome, for: others) }
            return 0
        case .waits(let place):
            let outcome = Result {
                try table.condition(place).wait(on: target, until: Deadline(within: limit))
            }
            return try locked { try depart(place, outcome) }
        }
    }

    /// As ``wait(action:)``, suspending the calling task.
    @discardableResult
    public func wait(action: (() throws -> Void)? = nil) async throws -> Int {
        try await wait(within: limit, action: action)
    }

    /// As ``wait(within:action:)``, suspending the calling task.
    @discardableResult
    public func wait(
        within limit: Duration?, action: (() throws -> Void)? = nil
    ) async throws -> Int {
        switch try await locked({ try arrive(acting: action != nil) }) {
        case .passed: return 0
        case .acts(let others):
            let outcome = Result { try action?() }
            try await locked { try finishAction(outcome, for: others) }
            return 0
        case .waits(let place):
            let outcome: Result<Bool, any Error>
            do {
                outcome = .success(
                    try await table.condition(place).wait(
                        on: target, until: Deadline(within: limit)))
            } catch {
                outcome = .failure(error)
            }
            return try await locked { try depart(place, outcome) }
        }
    }

    private var target: WaitTarget { WaitTarget("ProcessBarrier.wait", self) }

    private enum Arrival {
        case passed
        /// The party is the last, and runs its action before these go on.
        case acts(others: [Int])
        case waits(place: Int)
    }

    private func arrive(acting: Bool) throws -> Arrival {
        if isBroken { throw BarrierError.broken }
        let others = table.places(in: .waiting)
        guard others.count == parties - 1 else { return .waits(place: try table.enter()) }
        if acting {
            // From here on they belong to this pass.
            for place in others { table.choose(place) }
            return .acts(others: others)
        }
        pass(others)
        return .passed
    }

    private func pass(_ others: [Int]) {
        for (index, place) in others.enumerated() { table.tell(place, .served, Int32(index + 1)) }
    }

    private func finishAction(_ outcome: Result<Void?, any Error>, for others: [Int]) throws {
        if case .failure(let error) = outcome {
            breakAll()
            throw error
        }
        // Meanwhile one of them may have given up, or somebody may have aborted the barrier.
        if others.contains(where: { table.state($0) != .chosen }) { throw BarrierError.broken }
        pass(others)
    }

    private func depart(_ place: Int, _ outcome: Result<Bool, any Error>) throws -> Int {
        let state = table.state(place)
        let index = Int(table.value(place))
        table.leave(place)
        switch (state, outcome) {
        case (_, .failure(let error)):
            // The action counted on this party too, so there is no pass without it.
            if state == .chosen { breakAll() }
            throw error
        case (.served, .success): return index
        case (.waiting, .success), (.chosen, .success):
            // The party's limit has passed, or the party that ran the action has died.
            breakAll()
            throw BarrierError.broken
        case (.refused, .success), (.free, .success): throw BarrierError.broken
        }
    }

    // MARK: Breaking and mending

    /// Breaks the barrier. All waits throw `BarrierError.broken`, present and later ones, until
    /// ``reset()``.
    /// - Throws: `SystemError`: EAGAIN if the system gives no thread that sleeps for a fiber.
    @available(*, noasync)
    public func abort() throws { try locked { breakAll() } }

    /// As ``abort()``, suspending the calling task.
    public func abort() async throws { try await locked { breakAll() } }

    /// Makes the barrier as new. Parties that wait throw `BarrierError.broken`.
    /// - Throws: As ``abort()``.
    @available(*, noasync)
    public func reset() throws { try locked { renew() } }

    /// As ``reset()``, suspending the calling task.
    public func reset() async throws { try await locked { renew() } }

    private func renew() {
        refuseAll()
        unsafe broken.pointee.store(0, ordering: .releasing)
    }

    private func breakAll() {
        unsafe broken.pointee.store(1, ordering: .releasing)
        refuseAll()
    }

    private func refuseAll() {
        for place in table.places(in: .waiting) + table.places(in: .chosen) {
            table.tell(place, .refused)
        }
    }

    /// Runs `body` under the lock, which is held for a moment. If the last holder died in the
    /// middle, nobody knows which parties were told what, so the barrier breaks.
    private func locked<Result>(_ body: () throws -> Result) throws -> Result {
        try mutex.hold(in: block, on: target) { try mended($0, body) }
    }

    private func locked<Result>(_ body: () throws -> Result) async throws -> Result {
        try await mutex.hold(in: block, on: target, isCancellable: false) { try mended($0, body) }
    }

    private func mended<Result>(
        _ attempt: RobustMutex.Attempt, _ body: () throws -> Result
    ) rethrows -> Result {
        if attempt == .takenFromDead { breakAll() }
        return try body()
    }
}

extension ProcessBarrier: Codable {
    private enum Key: CodingKey { case parties, limit, waiters }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(parties, forKey: .parties)
        try container.encode(limit, forKey: .limit)
        try block.encode(to: container.superEncoder(forKey: .waiters), as: "ProcessBarrier")
    }

    public convenience init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.init(
            try container.decode(Int.self, forKey: .parties),
            try container.decode(Duration?.self, forKey: .limit),
            try SharedBlock(
                from: try container.superDecoder(forKey: .waiters), as: "ProcessBarrier"
            ) {
                $0 == Self.size
            })
    }
}
