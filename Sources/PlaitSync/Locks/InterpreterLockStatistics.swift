internal import PlaitParking
internal import PlaitPlatform

/// What an ``InterpreterLock`` has seen so far.
public struct InterpreterLockStatistics: Sendable, Hashable {
    /// How long the strands of one name and number have waited for the lock.
    public struct Wait: Sendable, Hashable {
        public let strand: String
        /// How many waits there were. Mere tries do not count.
        public internal(set) var count = 0
        public internal(set) var total = Duration.zero
    }

    /// How often a strand took the lock that was not the last holder.
    public internal(set) var switches = 0
    /// How often a waiter asked for the lock when none had asked since the last switch.
    public internal(set) var requests = 0
    /// How many requests the holder honoured at a `check()`.
    public internal(set) var forcedReleases = 0
    /// How often a holder offered the lock after its ticks while somebody wanted it.
    public internal(set) var offers = 0
    /// How often a strand wanted the lock back, after a `check()` or `allowThreads`, and another
    /// strand had it first.
    public internal(set) var failedRetakes = 0
    /// How long each strand has waited, the longest wait first. Beyond 256 strands, the rest are
    /// added up as `others`.
    public internal(set) var waits: [Wait] = []
}

/// The waits of an ``InterpreterLock``, added up by strand.
final class InterpreterLockWaits: @unchecked Sendable {
    // Sendable: `guardLock` guards `totals`.
    private static let limit = 256
    /// No strand has this key.
    private static let others = StrandKey.none

    private let guardLock = ShortLock()
    private var totals: [StrandKey: InterpreterLockStatistics.Wait] = [:]

    /// Adds a wait of the running strand.
    func note(_ key: StrandKey, nanoseconds: UInt64) {
        if guardLock.withLock({ add(key, nanoseconds) }) { return }
        let name =
            key.isTask ? "task-\(String(key.bits & ~(1 << 63), radix: 16))" : Strand.current.name
        guardLock.withLock { () -> Void in
            let isFull = totals.count >= InterpreterLockWaits.limit
            let place = isFull ? InterpreterLockWaits.others : key
            if totals[place] == nil {
                totals[place] = InterpreterLockStatistics.Wait(strand: isFull ? "others" : name)
            }
            _ = add(place, nanoseconds)
        }
    }

    var all: [InterpreterLockStatistics.Wait] {
        guardLock.withLock { Array(totals.values) }.sorted {
            ($1.total, $0.strand) < ($0.total, $1.strand)
        }
    }

    private func add(_ key: StrandKey, _ nanoseconds: UInt64) -> Bool {
        guard var wait = totals[key] else { return false }
        wait.count += 1
        wait.total += .nanoseconds(Int64(clamping: nanoseconds))
        totals[key] = wait
        return true
    }
}
