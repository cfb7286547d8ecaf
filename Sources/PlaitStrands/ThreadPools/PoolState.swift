internal import DequeModule
internal import PlaitParking

/// The pure state of a ``ThreadPool``: the waiting work, and how many workers do what.
///
/// Every worker is parked (in `idle`), working, or *coming*, which means about to look for work. If
/// some work waits without a coming worker, then no worker is idle and no more may start.
/// ``cover()`` keeps this true: call it after every other transition, until it returns `.none`.
struct PoolState<Waiters: WaiterList, Item> {
    enum Look {
        /// Do this.
        case work(Item)
        /// There is no work: park.
        case park
        /// The worker does not count any more: end.
        case end
    }

    enum Effect { case none, wake(Waiters.Element), start }

    /// Why the pool takes no more work.
    enum Closing: Equatable { case shutDown, broken(reason: String) }

    private(set) var items = Deque<Item>()
    /// How many workers may exist.
    private(set) var limit: Int
    /// How many workers exist, including those that are being started.
    private(set) var threads = 0
    private(set) var working = 0
    private(set) var coming = 0
    private(set) var completed = 0
    private(set) var closing: Closing?
    private var idle = Waiters()

    init(limit: Int) { self.limit = limit }

    /// Whether no worker exists and none will ever start again.
    var isOver: Bool { closing != nil && threads == 0 }
    /// Whether a worker is coming for every item.
    var isCovered: Bool { items.count <= coming }
    /// How many workers are parked, or about to end after having been parked.
    private var parked: Int { threads - working - coming }

    // MARK: The side that gives work

    mutating func add(_ item: Item) { items.append(item) }

    /// If work waits without a coming worker, calls an idle worker, or else a new one.
    mutating func cover() -> Effect {
        guard !isCovered else { return .none }
        if let worker = idle.claimFirst() {
            coming += 1
            return .wake(worker)
        }
        guard threads < limit else { return .none }
        threads += 1
        coming += 1
        return .start
    }

    mutating func setLimit(_ limit: Int) { self.limit = limit }

    /// Calls an idle worker beyond the limit, which then ends. Call it until it returns nil.
    mutating func dismiss() -> Waiters.Element? {
        guard threads - coming > limit || closing != nil else { return nil }
        guard let worker = idle.claimFirst() else { return nil }
        coming += 1
        return worker
    }

    /// Takes no more work; ``dismiss()`` then calls the idle workers to end. A broken pool stays
    /// broken.
    mutating func close(as closing: Closing) {
        if case .broken = self.closing { return }
        self.closing = closing
    }

    mutating func takeAll() -> [Item] {
        defer { items = [] }
        return Array(items)
    }

    /// Takes out unwanted items. The caller releases them outside the lock.
    mutating func remove(where isUnwanted: (Item) -> Bool) -> [Item] {
        // Ask each item once, since its answer may change meanwhile.
        var (wanted, unwanted) = (Deque<Item>(), [Item]())
        for item in items {
            if isUnwanted(item) { unwanted.append(item) } else { wanted.append(item) }
        }
        items = wanted
        return unwanted
    }

    // MARK: Workers

    /// What a coming worker does next.
    mutating func look() -> Look {
        if threads > limit { return end() }
        if let item = items.popFirst() {
            coming -= 1
            working += 1
            return .work(item)
        }
        return closing == nil ? .park : end()
    }

    /// As ``look()``, and queues a worker that must park.
    mutating func look(orQueue worker: Waiters.Element) -> Look {
        let found = look()
        if case .park = found {
            coming -= 1
            idle.append(worker)
        }
        return found
    }

    /// A parked worker was idle for too long. It ends, unless work has just come.
    mutating func giveUp(_ worker: Waiters.Element) -> Look {
        idle.remove(worker)
        coming += 1
        let found = look()
        if case .park = found { return end() }
        return found
    }

    /// A worker has finished its work and comes for more.
    mutating func comeBack(isCompleted: Bool) {
        working -= 1
        coming += 1
        if isCompleted { completed += 1 }
    }

    /// A worker that came back is held up, for example by a callback.
    mutating func holdUp() {
        coming -= 1
        working += 1
    }

    /// Removes a coming worker from the count.
    @discardableResult
    mutating func end() -> Look {
        coming -= 1
        threads -= 1
        return .end
    }
}

/// A stack of waiters: the last to come is the first to wake. So workers that are not needed stay
/// idle until they end.
struct WaiterStack: WaiterList {
    private var queue = WaitQueue()

    var isEmpty: Bool { queue.isEmpty }
    mutating func append(_ waiter: Waiter) { queue.prepend(waiter) }
    mutating func claimFirst() -> Waiter? { queue.claimFirst() }
    mutating func remove(_ waiter: Waiter) -> Bool { queue.remove(waiter) }
}
