internal import DequeModule
internal import PlaitParking

/// What a caller gets from a ``ResourcePool``.
enum Loan<Resource> {
    case resource(Resource)
    /// The right to make a resource.
    case place
}

/// The pure state of a ``ResourcePool``. While anyone waits, no resource is free and none may be
/// made.
struct ResourcePoolState<Resource, Waiters: WaiterList> {
    enum Put {
        case stored
        /// The loan goes to this waiter, whose wait has ended. The caller must hand it over before
        /// the waiter goes on.
        case handTo(Waiters.Element)
        /// The resource is one too many since a ``resize(to:)``. The caller drops it outside the
        /// lock.
        case dropped
    }

    private(set) var maximum: Int
    /// How many resources exist or are being made.
    private(set) var count: Int
    private(set) var idle: Deque<Resource>
    /// How many strands wait.
    private(set) var waiting = 0
    private var waiters = Waiters()
    private let isStack: Bool

    init(made: [Resource] = [], maximum: Int, isStack: Bool) {
        idle = Deque(made)
        count = made.count
        self.maximum = maximum
        self.isStack = isStack
    }

    /// How many can be had without waiting.
    var free: Int { idle.count + max(0, maximum - count) }

    mutating func get() -> Loan<Resource>? {
        if let resource = isStack ? idle.popLast() : idle.popFirst() { return .resource(resource) }
        guard count < maximum else { return nil }
        count += 1
        return .place
    }

    /// As ``get()``, but queues `waiter` if there is nothing to get.
    mutating func get(orQueue waiter: Waiters.Element) -> Loan<Resource>? {
        if let loan = get() { return loan }
        waiters.append(waiter)
        waiting += 1
        return nil
    }

    mutating func put(_ resource: Resource) -> Put {
        if count > maximum {
            count -= 1
            return .dropped
        }
        if let waiter = claim() { return .handTo(waiter) }
        idle.append(resource)
        return .stored
    }

    /// Gives up a place, because no resource was made or a resource will not come back. Returns a
    /// waiter that gets the place.
    mutating func giveUpPlace() -> Waiters.Element? {
        if count <= maximum, let waiter = claim() { return waiter }
        count -= 1
        return nil
    }

    /// Changes the maximum. Returns the idle resources above it, and the waiters that get a place.
    mutating func resize(to maximum: Int) -> (dropped: [Resource], woken: [Waiters.Element]) {
        self.maximum = maximum
        var dropped: [Resource] = []
        while count > maximum, let resource = isStack ? idle.popFirst() : idle.popLast() {
            dropped.append(resource)
            count -= 1
        }
        var woken: [Waiters.Element] = []
        while count < maximum, let waiter = claim() {
            woken.append(waiter)
            count += 1
        }
        return (dropped, woken)
    }

    /// Takes out a queued waiter that gives up.
    mutating func withdraw(_ waiter: Waiters.Element) {
        waiters.remove(waiter)
        waiting -= 1
    }

    private mutating func claim() -> Waiters.Element? {
        guard let waiter = waiters.claimFirst() else { return nil }
        waiting -= 1
        return waiter
    }
}
