internal import PlaitParking
internal import PlaitPlatform

/// A lock whose holders are known. The search for deadlocks follows them.
protocol WatchedLock: AnyObject, Sendable {
    /// The strands that hold it at this moment, as far as they are known.
    var holders: [StrandKey] { get }
    /// The lock's name in reports.
    var title: String { get }
    /// What to do about a deadlock of a strand that waits for this lock; nil for the process's
    /// policy.
    var onDeadlock: DeadlockDetection.Policy? { get }
}

extension WatchedLock {
    var onDeadlock: DeadlockDetection.Policy? { nil }
}

/// One wait of a strand for a lock without a deadline.
struct LockWatch {
    private let key: StrandKey

    /// Notes the wait that is about to begin, and checks whether it closes a circle. Returns nil if
    /// Plait does not follow such waits.
    static func begin(
        _ lock: any WatchedLock, _ key: StrandKey, until deadline: Deadline
    ) throws(DeadlockError) -> LockWatch? {
        guard deadline == .never else { return nil }
        let policy = lock.onDeadlock ?? DeadlockDetection.policy
        guard policy != .off else { return nil }
        if let deadlock = LockWaits.shared.begin(lock, key) {
            switch policy {
            case .off: break
            case .report: DeadlockDetection.report(.deadlock(deadlock))
            case .trap: fatalError("plait: \(deadlock)")
            case .throwError:
                LockWaits.shared.end(key)
                throw DeadlockError(deadlock: deadlock)
            }
        }
        return LockWatch(key: key)
    }

    func end() { LockWaits.shared.end(key) }
}

/// The waits for locks of the whole process.
private final class LockWaits: @unchecked Sendable {
    // Sendable: `guardLock` guards `graph`. The strand that closes a circle sees, under this lock,
    // what all the others of the circle stored as holders before they began to wait.
    static let shared = LockWaits()

    private struct Wait {
        let lock: any WatchedLock
        /// The strand that waits; nil for a task.
        let strand: Strand?
        let since: Deadline
        /// How often the strand was among the holders before this wait.
        let held: Int

        /// The strands for which it waits. Empty if it has the lock already and has only not run
        /// since.
        func holders(for key: StrandKey) -> [StrandKey] {
            let holders = lock.holders
            return holders.count { $0 == key } > held ? [] : holders
        }
    }

    private let guardLock = ShortLock()
    private var graph = WaitGraph<StrandKey, Wait>()

    func begin(_ lock: any WatchedLock, _ key: StrandKey) -> Deadlock? {
        let wait = Wait(
            lock: lock, strand: key.isTask ? nil : Strand.current, since: .now,
            held: lock.holders.count { $0 == key })
        guardLock.lock()
        graph.begin(key, on: wait)
        let circle = graph.circle(closedBy: key) { $1.holders(for: $0) }
        let waits = circle?.compactMap { key in graph[key].map { (key, $0) } }
        guardLock.unlock()
        return waits.map(deadlock)
    }

    func end(_ key: StrandKey) {
        guardLock.lock()
        let wait = graph[key]
        graph.end(key)
        guardLock.unlock()
        // Dropped outside the lock.
        _ = wait
    }

    private func deadlock(_ waits: [(key: StrandKey, wait: Wait)]) -> Deadlock {
        Deadlock(
            members: waits.indices.map { index in
                let (key, wait) = waits[index]
                // Its predecessor in the circle waits for the lock that it holds.
                let held = waits[(index + waits.count - 1) % waits.count].wait.lock
                let others = LockOrder.shared.held(by: key).filter { $0 !== held }
                return Deadlock.Member(
                    strand: wait.strand?.name ?? taskName(key), waitsFor: wait.lock.title,
                    since: wait.since, holds: ([held] + others).map(heldLock))
            })
    }

    private func heldLock(_ lock: any WatchedLock) -> Deadlock.HeldLock {
        let trace = LockOrder.shared.trace(of: lock)
        return Deadlock.HeldLock(
            lock: lock.title, since: trace.map { Deadline(nanoseconds: $0.since) },
            acquiredAt: trace?.stack?.lines ?? [])
    }
}
