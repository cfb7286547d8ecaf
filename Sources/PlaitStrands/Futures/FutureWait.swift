internal import PlaitPlatform
internal import PlaitSync

/// When a wait for several futures ends.
public enum FutureCondition: Sendable, CaseIterable {
    /// All are done.
    case all
    /// One is done.
    case firstCompleted
    /// One has failed, or all are done. A cancelled one has not failed.
    case firstError
}

extension Future {
    /// Several futures, as they are just now: each once, in the order they were given.
    public typealias Split = (done: [Future], notDone: [Future])

    /// Waits for several futures, at most `limit`, and tells which are done. They go on.
    ///
    /// Blocks the calling thread or parks the calling fiber. Of a future that is given twice, the
    /// second is ignored. Passing the limit is not an error; nor is waiting for none.
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
        // Each is looked at once: one that ends meanwhile must not be on both sides, or on none.
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

    /// Counts one that is done. Returns whether that was the one waited for.
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

/// What one ``Future/wait(for:of:within:)`` waits for.
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
