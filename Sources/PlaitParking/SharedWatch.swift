internal import PlaitPlatform
internal import Synchronization

/// Sleeps for fibers and tasks on words in memory that processes share: one thread for each 127
/// waits. A thread ends when it had nothing to do for a second.
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
            // Others may have come to it meanwhile: they look for themselves, and fail as this one
            // does.
            retire(sleeper)
            throw error
        }
    }

    /// Whose wait ended otherwise.
    func remove(_ waiter: Waiter) {
        let dropped = guardLock.withLock { () -> SharedCondition? in
            for sleeper in sleepers {
                if let condition = sleeper.remove(waiter) { return condition }
            }
            return nil
        }
        // Its memory may go with it, not under the lock.
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

/// One of the threads, and for whom it sleeps. Its lists are guarded by the watch's lock.
private final class Sleeper: @unchecked Sendable {
    // Sendable: see above; `requests` is atomic.
    private var entries: [(waiter: Waiter, condition: SharedCondition)] = []
    /// Counts those who came.
    private let requests = Atomic<UInt32>(0)

    /// What is to be done without the lock.
    struct Round {
        let requests: UInt32
        var words = SleepWords()
        /// Keep the memory of the words.
        var held: [SharedCondition] = []
        var ready: [Waiter] = []
        var dropped: [SharedCondition] = []
    }

    /// False when it is full.
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

    /// The waiters, settled, to be unparked.
    func takeAll() -> [Waiter] {
        defer { entries = [] }
        return entries.map(\.waiter).filter { $0.settle(.woken) }
    }

    func look() -> Round {
        // Before the entries: who comes after this changes it.
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
