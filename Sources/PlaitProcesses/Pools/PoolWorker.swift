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
    /// Items after which it ends.
    private let most: Int
    /// How many items it may have, where their number has a bound.
    private let widest: Int
    /// Given to it and not answered, in order.
    var sent: Deque<PoolItem> = []
    /// Answers that have come.
    private var answered: UInt64 = 0
    /// Given to it so far.
    private var given = 0
    private var known: Set<UInt32> = []
    /// It gets nothing more; and whether it has been told so.
    private var isRetired = false
    private(set) var isEnding = false
    /// Fibers that carry what is large, until it is buried.
    var couriers: [JoinHandle<Void>] = []
    /// Inputs that go over the connection; a permit each.
    var largeInputs: Deque<[UInt8]> = []
    let outgoing = CountingSemaphore(permits: 0)
    /// An answer that comes over the connection: those behind it must wait. A permit each.
    var arriving: Arrival?
    let announced = CountingSemaphore(permits: 0)
    /// The pool has killed it: for this item, if there is one.
    var isKilled = false
    var condemned: (item: PoolItem, error: ProcessPoolError)?
    /// Since when the first of `sent` is the first.
    private(set) var headSince: UInt64 = 0
    /// What an item takes, in nanoseconds, of late.
    private var pace: UInt64 = 2_000_000

    /// A large answer on its way.
    final class Arrival: Sendable {
        let item: PoolItem
        let isOver = Event()
        init(_ item: PoolItem) { self.item = item }
    }

    init(
        name: String, _ launch: Launch, _ memory: WorkerMemory, wakeup: consuming Descriptor,
        _ plan: PoolCore.Plan
    ) {
        self.name = name
        self.launch = launch
        self.memory = memory
        self.wakeup = wakeup
        most = plan.tasksPerWorker ?? .max
        // One that has grown too large is not to begin another.
        widest = plan.residentLimit == nil ? 64 : 1
    }

    /// How many may be given ahead. One, unless they are so short that the way to and fro counts:
    /// what waits behind a long one could have gone to another.
    private var window: Int { min(widest, pace < 50_000 ? 64 : pace < 1_000_000 ? 2 : 1) }

    var hasRoom: Bool { !isRetired && !isKilled && given < most && sent.count < window }

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
        if isLarge { largeInputs.append(item.input) }
        if sent.isEmpty { headSince = monotonicNow() }
        sent.append(item)
        given += 1
        if given >= most { retire() }
        return true
    }

    /// Gives it nothing more.
    func retire() { isRetired = true }

    /// Tells one that has retired that nothing more comes. False if it knows that or need not, or
    /// if there is no room to say so: then it is to be told later.
    func tellEnd() -> Bool {
        guard isRetired, !isEnding else { return false }
        isEnding = memory.tasks.write(WorkerMemory.Task.end)
        return isEnding
    }

    /// Notes that so many answers came at once.
    func noteAnswers(_ count: Int) {
        let now = monotonicNow()
        let each = (now - headSince) / UInt64(count)
        // Soon slower, slowly faster.
        pace = each > pace ? each : (3 * pace + each) / 4
        headSince = now
        answered += UInt64(count)
        if memory.isOversized { retire() }
    }

    /// Wakes it if it sleeps for tasks, or for room for its answers.
    func wake() {
        let sleeps = memory.tasks.takeSleepingConsumer()
        if memory.answers.takeSleepingProducer() || sleeps { signalEventCounter(wakeup.number) }
    }

    /// Whether it has begun the first of `sent`.
    var hasBegunFirst: Bool { memory.begun > answered }
}
