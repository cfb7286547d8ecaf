internal import DequeModule
internal import PlaitParking

/// What somebody who got something from a ``ResourcePool`` has.
enum Loan<Resource> {
    case resource(Resource)
    /// The right to make one.
    case place
}

/// The pure state of a ``ResourcePool``. While anyone waits, nothing is free and nothing may be
/// made.
struct ResourcePoolState<Resource, Waiters: WaiterList> {
    enum Put {
        case stored
        /// For this waiter, whose wait was ended: it must get it before it goes on.
        case handTo(Waiters.Element)
        /// There are too many since a ``resize(to:)``: to be let go of outside the lock.
        case dropped
    }

    private(set) var maximum: Int
    /// Those that exist or are being made.
    private(set) var count: Int
    private(set) var idle: Deque<Resource>
    /// Strands that wait.
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

    /// As ``get()``, or queues `waiter`.
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

    /// Gives up a place: nothing was made, or what was made is not given back. Returns a waiter
    /// that gets the place.
    mutating func giveUpPlace() -> Waiters.Element? {
        if count <= maximum, let waiter = claim() { return waiter }
        count -= 1
        return nil
    }

    /// Changes the maximum. Returns those that are idle and too many, and waiters that get a place.
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

    /// Takes out one that was queued and gives up.
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
