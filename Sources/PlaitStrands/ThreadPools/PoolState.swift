internal import DequeModule
internal import PlaitParking

/// The pure state of a ``ThreadPool``: the work that waits, and how many workers do what.
///
/// Every worker is parked (in `idle`), working, or *coming*: about to look for work. While work
/// waits that nobody comes for, no worker is idle and no more may be started: ``cover()`` sees to
/// that, and must be called after every other transition, until it returns `.none`.
struct PoolState<Waiters: WaiterList, Item> {
    enum Look {
        /// Do this.
        case work(Item)
        /// There is none: park.
        case park
        /// The worker has been counted out: end.
        case end
    }

    enum Effect { case none, wake(Waiters.Element), start }

    /// Why no work is taken any more.
    enum Closing: Equatable { case shutDown, broken(reason: String) }

    private(set) var items = Deque<Item>()
    /// Workers that may exist.
    private(set) var limit: Int
    /// Workers that exist, those that are being started included.
    private(set) var threads = 0
    private(set) var working = 0
    private(set) var coming = 0
    private(set) var completed = 0
    private(set) var closing: Closing?
    private var idle = Waiters()

    init(limit: Int) { self.limit = limit }

    /// Whether no worker exists, nor ever will again.
    var isOver: Bool { closing != nil && threads == 0 }
    /// Whether somebody comes for every item.
    var isCovered: Bool { items.count <= coming }
    /// Workers that are parked, or about to end after having been so.
    private var parked: Int { threads - working - coming }

    // MARK: Whoever gives work

    mutating func add(_ item: Item) { items.append(item) }

    /// Calls for a worker if work waits that nobody comes for: an idle one, else a new one.
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

    /// Calls an idle worker that the limit does not allow, to end. To be called until there is
    /// none.
    mutating func dismiss() -> Waiters.Element? {
        guard threads - coming > limit || closing != nil else { return nil }
        guard let worker = idle.claimFirst() else { return nil }
        coming += 1
        return worker
    }

    /// Takes no more work; ``dismiss()`` calls the idle workers to end. What is broken stays so.
    mutating func close(as closing: Closing) {
        if case .broken = self.closing { return }
        self.closing = closing
    }

    mutating func takeAll() -> [Item] {
        defer { items = [] }
        return Array(items)
    }

    /// Takes out items that are not wanted any more, for the caller to let go of under no lock.
    mutating func remove(where isUnwanted: (Item) -> Bool) -> [Item] {
        // Each is asked once: its answer may change meanwhile.
        var (wanted, unwanted) = (Deque<Item>(), [Item]())
        for item in items {
            if isUnwanted(item) { unwanted.append(item) } else { wanted.append(item) }
        }
        items = wanted
        return unwanted
    }

    // MARK: Workers

    /// What a coming worker is to do.
    mutating func look() -> Look {
        if threads > limit { return end() }
        if let item = items.popFirst() {
            coming -= 1
            working += 1
            return .work(item)
        }
        return closing == nil ? .park : end()
    }

    /// As ``look()``; a worker that is to park is queued.
    mutating func look(orQueue worker: Waiters.Element) -> Look {
        let found = look()
        if case .park = found {
            coming -= 1
            idle.append(worker)
        }
        return found
    }

    /// A parked worker was idle for too long: it ends, unless work has come just now.
    mutating func giveUp(_ worker: Waiters.Element) -> Look {
        idle.remove(worker)
        coming += 1
        let found = look()
        if case .park = found { return end() }
        return found
    }

    /// A working worker comes for more.
    mutating func comeBack(isCompleted: Bool) {
        working -= 1
        coming += 1
        if isCompleted { completed += 1 }
    }

    /// A worker that came back is held up, as by a callback.
    mutating func holdUp() {
        coming -= 1
        working += 1
    }

    /// Counts a coming worker out.
    @discardableResult
    mutating func end() -> Look {
        coming -= 1
        threads -= 1
        return .end
    }
}

/// Waiters of which the last to come is the first to be woken: so those that are not needed stay
/// idle, until they end.
struct WaiterStack: WaiterList {
    private var queue = WaitQueue()

    var isEmpty: Bool { queue.isEmpty }
    mutating func append(_ waiter: Waiter) { queue.prepend(waiter) }
    mutating func claimFirst() -> Waiter? { queue.claimFirst() }
    mutating func remove(_ waiter: Waiter) -> Bool { queue.remove(waiter) }
}
