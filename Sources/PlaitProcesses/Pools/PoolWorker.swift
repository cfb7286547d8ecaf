internal import DequeModule
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// A worker as its pool sees it. The pool's lock guards all variables.
final class PoolWorker: @unchecked Sendable {
    // Sendable: the pool's lock guards all variables.
    let name: String
    let launch: Launch
    let memory: WorkerMemory
    private let wakeup: Descriptor
    /// After how many items the worker ends.
    private let most: Int
    /// How many items it may have at most.
    private let widest: Int
    /// The items that it has got and not answered, in order.
    var sent: Deque<PoolItem> = []
    /// How many answers have come.
    private var answered: UInt64 = 0
    /// How many items it has got so far.
    private var given = 0
    private var known: Set<UInt32> = []
    /// Whether it gets no more items, and whether it has been told so.
    private var isRetired = false
    private(set) var isEnding = false
    /// The fibers that carry large values, until the worker's end is handled.
    var couriers: [JoinHandle<Void>] = []
    /// Inputs that go over the connection, with one permit for each.
    var largeInputs: Deque<[UInt8]> = []
    let outgoing = CountingSemaphore(permits: 0)
    /// An answer that comes over the connection, with one permit for each. The answers behind it
    /// must wait.
    var arriving: Arrival?
    let announced = CountingSemaphore(permits: 0)
    /// Whether the pool has killed the worker; `condemned` is the item because of which it did, if
    /// any.
    var isKilled = false
    var condemned: (item: PoolItem, error: ProcessPoolError)?
    /// Since when the first item of `sent` has been the first.
    private(set) var headSince: UInt64 = 0
    /// How long an item has taken lately, in nanoseconds.
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
        // A worker that has grown too large must not begin another item.
        widest = plan.residentLimit == nil ? 64 : 1
    }

    /// How many items the worker may have at a time. One, unless items are so short that the round
    /// trip counts, since an item that waits behind a long one could have gone to another worker.
    private var window: Int { min(widest, pace < 50_000 ? 64 : pace < 1_000_000 ? 2 : 1) }

    var hasRoom: Bool { !isRetired && !isKilled && given < most && sent.count < window }

    /// Gives the worker an item. Returns false if there is no room.
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

    /// Gives the worker no more items.
    func retire() { isRetired = true }

    /// Tells a retired worker that nothing more comes. Returns false if it knows that already or
    /// need not know, or if there is no room for the message; then tell it later.
    func tellEnd() -> Bool {
        guard isRetired, !isEnding else { return false }
        isEnding = memory.tasks.write(WorkerMemory.Task.end)
        return isEnding
    }

    /// Notes that `count` answers came at once.
    func noteAnswers(_ count: Int) {
        let now = monotonicNow()
        let each = (now - headSince) / UInt64(count)
        // The estimate rises at once and falls slowly.
        pace = each > pace ? each : (3 * pace + each) / 4
        headSince = now
        answered += UInt64(count)
        if memory.isOversized { retire() }
    }

    /// Wakes the worker if it sleeps for tasks or for room for its answers.
    func wake() {
        let sleeps = memory.tasks.takeSleepingConsumer()
        if memory.answers.takeSleepingProducer() || sleeps { signalEventCounter(wakeup.number) }
    }

    /// Whether the worker has begun the first item of `sent`.
    var hasBegunFirst: Bool { memory.begun > answered }
}
