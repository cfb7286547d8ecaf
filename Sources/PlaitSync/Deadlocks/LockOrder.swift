internal import PlaitParking
internal import PlaitPlatform

/// What is known of an acquisition of a traced lock.
struct LockTrace {
    let holder: StrandKey
    /// Nanoseconds of the monotonic clock.
    let since: UInt64
    /// Where it was acquired, if the program asked for that.
    let stack: StackTrace?
}

/// The traced locks that strands hold, and the orders in which they were taken.
final class LockOrder: @unchecked Sendable {
    // Sendable: `guardLock` guards all.
    static let shared = LockOrder()

    private let guardLock = ShortLock()
    private var held: [StrandKey: [any WatchedLock]] = [:]
    /// The traces of locks that are held.
    private var traces: [ObjectIdentifier: LockTrace] = [:]
    private var graph = OrderGraph<ObjectIdentifier>()
    /// The titles of the locks in the graph.
    private var titles: [ObjectIdentifier: String] = [:]

    /// Notes that `key` has taken a lock.
    func acquired(_ lock: any WatchedLock, _ key: StrandKey) {
        let trace = LockTrace(
            holder: key, since: monotonicNow(),
            stack: DeadlockDetection.capturesStacks ? StackTrace.capture(skipping: 2) : nil)
        guardLock.lock()
        let before = held[key] ?? []
        var inversions: [(held: String, order: [String])] = []
        if DeadlockDetection.checksLockOrder {
            titles[ObjectIdentifier(lock)] = lock.title
            for first in before {
                if let path = graph.add(ObjectIdentifier(first), before: ObjectIdentifier(lock)) {
                    inversions.append((first.title, path.map { titles[$0] ?? "a lock" }))
                }
            }
        }
        held[key] = before + [lock]
        traces[ObjectIdentifier(lock)] = trace
        guardLock.unlock()
        for inversion in inversions {
            DeadlockDetection.report(
                .inversion(
                    LockInversion(
                        strand: key.isTask ? taskName(key) : Strand.current.name,
                        held: inversion.held, taken: lock.title, earlierOrder: inversion.order,
                        takenAt: trace.stack?.lines ?? [])))
        }
    }

    /// Notes that the holder is about to give the lock back.
    func released(_ lock: any WatchedLock) {
        guardLock.lock()
        let trace = traces.removeValue(forKey: ObjectIdentifier(lock))
        // It is the last one, as a rule.
        if let key = trace?.holder, let index = held[key]?.lastIndex(where: { $0 === lock }) {
            held[key]?.remove(at: index)
            if held[key]?.isEmpty == true { held[key] = nil }
        }
        guardLock.unlock()
    }

    /// What is known about the acquisition of a traced lock that is held.
    func trace(of lock: any WatchedLock) -> LockTrace? {
        guardLock.withLock { traces[ObjectIdentifier(lock)] }
    }

    /// The traced locks that `key` holds.
    func held(by key: StrandKey) -> [any WatchedLock] { guardLock.withLock { held[key] ?? [] } }

    /// Forgets a lock that does not exist any more.
    func forget(_ lock: ObjectIdentifier) {
        guardLock.withLock {
            graph.remove(lock)
            titles[lock] = nil
        }
    }
}
