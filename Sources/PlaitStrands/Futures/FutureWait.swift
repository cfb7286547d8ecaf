internal import PlaitPlatform
internal import PlaitSync

/// When a wait for several futures ends.
public enum FutureCondition: Sendable, CaseIterable {
    /// All futures are done.
    case all
    /// One future is done.
    case firstCompleted
    /// One future has failed, or all are done. A cancelled future does not count as failed.
    case firstError
}

extension Future {
    /// Several futures at this moment, divided into done and not done. Each comes once, in the
    /// given order.
    public typealias Split = (done: [Future], notDone: [Future])

    /// Waits for several futures, at most `limit`, and returns which are done. The others go on.
    ///
    /// Blocks the calling thread or parks the calling fiber. A future that is given twice counts
    /// once. Passing the limit is not an error, and neither is waiting for no futures.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` looks once.
    /// - Throws: `CancellationError` when the caller is cancelled.
    /// - Source: Python's `concurrent.futures.wait`.
    @available(*, noasync)
    public static func wait(
        for condition: FutureCondition = .all, of futures: some Sequence<Future>,
        within limit: Duration? = nil
    ) throws -> Split {
        let futures = unique(futures)
        let goal = FutureGoal(condition, of: futures)
        defer { goal.giveUp(futures) }
        _ = try goal.isReached.wait(within: limit)
        return split(futures)
    }

    /// Waits for several futures, suspending the calling task.
    public static func wait(
        for condition: FutureCondition = .all, of futures: some Sequence<Future>,
        within limit: Duration? = nil
    ) async throws -> Split {
        let futures = unique(futures)
        let goal = FutureGoal(condition, of: futures)
        defer { goal.giveUp(futures) }
        _ = try await goal.isReached.wait(within: limit)
        return split(futures)
    }

    static func unique(_ futures: some Sequence<Future>) -> [Future] {
        var seen: Set<ObjectIdentifier> = []
        return futures.filter { seen.insert(ObjectIdentifier($0)).inserted }
    }

    private static func split(_ futures: [Future]) -> Split {
        // Look at each future once: a future that ends meanwhile must be on exactly one side.
        var split: Split = ([], [])
        for future in futures {
            if future.isDone { split.done.append(future) } else { split.notDone.append(future) }
        }
        return split
    }
}

/// How far a wait for several futures has come.
struct FutureCount {
    private let condition: FutureCondition
    private(set) var remaining: Int
    private(set) var isReached: Bool

    init(_ condition: FutureCondition, of count: Int) {
        self.condition = condition
        remaining = count
        isReached = count == 0
    }

    /// Counts a future that is done. Returns whether the wait has reached its goal by this.
    mutating func count(hasFailed: Bool) -> Bool {
        remaining -= 1
        guard !isReached else { return false }
        isReached =
            switch condition {
            case .all: remaining == 0
            case .firstCompleted: true
            case .firstError: hasFailed || remaining == 0
            }
        return isReached
    }
}

/// The goal of one ``Future/wait(for:of:within:)``.
private final class FutureGoal: FutureWatcher, @unchecked Sendable {
    // Sendable: `guardLock` guards `count`.
    let isReached = Event()
    private let guardLock = ShortLock()
    private var count: FutureCount

    init<Success>(_ condition: FutureCondition, of futures: [Future<Success>]) {
        count = FutureCount(condition, of: futures.count)
        if futures.isEmpty { isReached.set() }
        for (index, future) in futures.enumerated() {
            if isReached.isSet { break }
            future.watch(for: self, as: index)
        }
    }

    func giveUp<Success>(_ futures: [Future<Success>]) {
        for future in futures where !future.isDone { future.unwatch(for: self) }
    }

    func futureIsDone(_ index: Int, hasFailed: Bool) {
        if guardLock.withLock({ count.count(hasFailed: hasFailed) }) { isReached.set() }
    }
}
