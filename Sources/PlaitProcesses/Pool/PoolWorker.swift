internal import DequeModule
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// A worker as its pool sees it. Guarded by the pool's lock, but for what is constant.
final class PoolWorker: @unchecked Sendable {
    // Sendable: see above.
    let name: String
    let launch: Launch
    let memory: WorkerMemory
    private let wakeup: Descriptor
    /// Given to it and not answered, in order.
    var sent: Deque<PoolItem> = []
    /// Answers that have come.
    var answered: UInt64 = 0
    /// Given to it so far.
    private(set) var given = 0
    private var known: Set<UInt32> = []
    /// It was told to end, and gets nothing more.
    private(set) var isEnding = false
    /// An answer comes over the connection: those behind it must wait.
    var isTakingLarge = false
    let hasTakenLarge = Event()
    /// The pool has killed it: for this item, if there is one.
    var isKilled = false
    var expired: PoolItem?
    /// Since when the first of `sent` is the first.
    var headSince: UInt64 = 0
    /// What an item takes, in nanoseconds, of late.
    private var pace: UInt64 = 2_000_000

    init(name: String, _ launch: Launch, _ memory: WorkerMemory, wakeup: consuming Descriptor) {
        self.name = name
        self.launch = launch
        self.memory = memory
        self.wakeup = wakeup
    }

    /// How many may be given ahead. One, unless they are so short that the way to and fro counts: what
    /// waits behind a long one could have gone to another.
    private var window: Int { pace < 50_000 ? 64 : pace < 1_000_000 ? 2 : 1 }

    var hasRoom: Bool { !isEnding && !isKilled && sent.count < window }

    /// Gives it an item; false if there is no room.
    func give(_ item: PoolItem, _ name: (UInt32) -> [UInt8]) -> Bool {
        if !known.contains(item.function) {
            guard memory.tasks.write(WorkerMemory.Task.define, item.function, name(item.function))
            else { return false }
            known.insert(item.function)
        }
        let isLarge = item.input.count > MessageRing.longest
        let kind =
            isLarge
            ? (item.areMany ? WorkerMemory.Task.largeMany : WorkerMemory.Task.largeOne)
            : (item.areMany ? WorkerMemory.Task.many : WorkerMemory.Task.one)
        guard memory.tasks.write(kind, item.function, isLarge ? [] : item.input) else {
            return false
        }
        if sent.isEmpty { headSince = monotonicNow() }
        sent.append(item)
        given += 1
        return true
    }

    /// Tells it that nothing more comes; false if there is no room to say so.
    func end() {
        guard !isEnding, memory.tasks.write(WorkerMemory.Task.end) else { return }
        isEnding = true
    }

    /// Notes that so many answers came at once.
    func noteAnswers(_ count: Int) {
        let now = monotonicNow()
        let each = (now - headSince) / UInt64(count)
        // Soon slower, slowly faster.
        pace = each > pace ? each : (3 * pace + each) / 4
        headSince = now
        answered += UInt64(count)
    }

    /// Wakes it if it sleeps for tasks, or for room for its answers.
    func wake() {
        let sleeps = memory.tasks.takeSleepingConsumer()
        if memory.answers.takeSleepingProducer() || sleeps { signalEventCounter(wakeup.number) }
    }

    /// Whether it has begun the first of `sent`.
    var hasBegunFirst: Bool { memory.begun > answered }
}
