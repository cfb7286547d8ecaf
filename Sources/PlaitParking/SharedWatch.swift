internal import PlaitPlatform
internal import Synchronization

/// Sleeps on words in shared memory on behalf of fibers and tasks, with one thread for each 127
/// waits. A thread ends when it has had nothing to do for a second.
final class SharedWatch: @unchecked Sendable {
    // Sendable: `guardLock` guards `sleepers`.
    static let shared = SharedWatch()

    private let guardLock = ShortLock()
    private var sleepers: [Sleeper] = []

    func add(_ waiter: Waiter, _ condition: SharedCondition) throws(SystemError) {
        let (sleeper, isNew) = guardLock.withLock {
            if let sleeper = sleepers.first(where: { $0.add(waiter, condition) }) {
                return (sleeper, false)
            }
            let sleeper = Sleeper()
            _ = sleeper.add(waiter, condition)
            sleepers.append(sleeper)
            return (sleeper, true)
        }
        if !isNew { return sleeper.wake() }
        do {
            try startThread(name: "plait-shared", stackSize: 131_072) { self.run(sleeper) }
        } catch {
            // Other waits may have joined this sleeper meanwhile. They look for themselves, and
            // fail as this one does.
            retire(sleeper)
            throw error
        }
    }

    /// Takes out a waiter whose wait has timed out or was cancelled.
    func remove(_ waiter: Waiter) {
        let dropped = guardLock.withLock { () -> SharedCondition? in
            for sleeper in sleepers {
                if let condition = sleeper.remove(waiter) { return condition }
            }
            return nil
        }
        // Dropping the entry may free shared memory, which must not happen under the lock.
        withExtendedLifetime(dropped) {}
    }

    private func retire(_ sleeper: Sleeper) {
        let waiters = guardLock.withLock {
            sleepers.removeAll { $0 === sleeper }
            return sleeper.takeAll()
        }
        for waiter in waiters { waiter.unpark() }
    }

    private func run(_ sleeper: Sleeper) {
        var idleSince: UInt64?
        while true {
            let round = guardLock.withLock { () -> Sleeper.Round? in
                let round = sleeper.look()
                let now = monotonicNow()
                if !round.held.isEmpty || !round.ready.isEmpty {
                    idleSince = nil
                } else if let since = idleSince, now > since + 1_000_000_000 {
                    sleepers.removeAll { $0 === sleeper }
                    return nil
                } else {
                    idleSince = idleSince ?? now
                }
                return round
            }
            guard var round else { return }
            for waiter in round.ready { waiter.unpark() }
            round.dropped = []
            sleeper.sleep(&round)
        }
    }
}

/// One of the threads, with the waits for which it sleeps. The watch's lock guards its lists.
private final class Sleeper: @unchecked Sendable {
    // Sendable: the watch's lock guards the lists; `requests` is atomic.
    private var entries: [(waiter: Waiter, condition: SharedCondition)] = []
    /// Counts the waits that were added. The thread sleeps on this word too.
    private let requests = Atomic<UInt32>(0)

    /// What the thread does next, without the lock.
    struct Round {
        let requests: UInt32
        var words = SleepWords()
        /// Keeps the memory of the words alive.
        var held: [SharedCondition] = []
        var ready: [Waiter] = []
        var dropped: [SharedCondition] = []
    }

    /// Adds a wait. Returns false when the sleeper is full.
    func add(_ waiter: Waiter, _ condition: SharedCondition) -> Bool {
        guard entries.count < SleepWords.most else { return false }
        entries.append((waiter, condition))
        requests.add(1, ordering: .releasing)
        return true
    }

    func wake() { Futex.wake(requests) }

    func remove(_ waiter: Waiter) -> SharedCondition? {
        guard let place = entries.firstIndex(where: { $0.waiter == waiter }) else { return nil }
        return entries.remove(at: place).condition
    }

    /// Settles and returns all waiters. The caller unparks them.
    func takeAll() -> [Waiter] {
        defer { entries = [] }
        return entries.map(\.waiter).filter { $0.settle(.woken) }
    }

    func look() -> Round {
        // Read before the entries: a wait that is added later changes it.
        var round = Round(requests: requests.load(ordering: .acquiring))
        entries.removeAll { waiter, condition in
            if let expected = condition.expected() {
                round.words.append(condition.word, while: expected)
                round.held.append(condition)
                return false
            }
            if waiter.settle(.woken) { round.ready.append(waiter) }
            round.dropped.append(condition)
            return true
        }
        return round
    }

    func sleep(_ round: inout Round) {
        let limit = round.held.isEmpty ? Duration.seconds(2) : SharedCondition.patience
        round.words.sleep(on: requests, while: round.requests, until: Deadline(within: limit))
    }
}
