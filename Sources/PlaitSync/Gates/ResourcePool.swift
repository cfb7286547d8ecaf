public import PlaitParking
internal import PlaitPlatform

/// A bounded set of resources that are costly to make, such as connections. The pool lends each to
/// one strand at a time.
///
/// The pool makes a resource when none is idle and fewer than the maximum exist. Otherwise the
/// caller waits until one is given back. Waiters are served first come, first served.
/// - Source: eventlet's `pools.Pool`.
public final class ResourcePool<Resource: Sendable>: @unchecked Sendable {
    // Sendable: `guardLock` guards `state` and the places of the waiters. A place is written after
    // its wait is settled and before its strand is unparked.
    private let guardLock = ShortLock()
    private var state: ResourcePoolState<Resource, WaitQueue>
    private let create: @Sendable () throws -> Resource

    /// Which of the idle resources the pool lends first.
    public enum Order: Sendable {
        /// The one that has been idle longest, so that all are used equally.
        case firstInFirstOut
        /// The one that was given back last. It is likely to be in caches, and the others may stay
        /// idle.
        case lastInFirstOut
    }

    /// - Parameters:
    ///   - minimum: How many the initializer makes.
    ///   - maximum: How many there are at most; at least 1.
    ///   - create: Makes one. The strand that needs it calls this, and it may block.
    /// - Throws: What `create` throws for one of the minimum.
    public init(
        minimum: Int = 0, maximum: Int, order: Order = .firstInFirstOut,
        name: String? = nil, file: StaticString = #fileID, line: UInt = #line,
        create: @escaping @Sendable () throws -> Resource
    ) throws {
        demand(
            maximum >= 1 && (0...maximum).contains(minimum),
            "a ResourcePool needs maximum >= 1 and minimum from 0 to it, not \(minimum), \(maximum)"
        )
        label = ObjectLabel(name, file, line)
        self.create = create
        let made = try (0..<minimum).map { _ in try create() }
        state = ResourcePoolState(made: made, maximum: maximum, isStack: order == .lastInFirstOut)
    }

    /// Its name in reports, or where it was made.
    public let label: ObjectLabel
    /// How many there are at most.
    public var maximum: Int { guardLock.withLock { state.maximum } }
    /// How many exist or are being made.
    public var count: Int { guardLock.withLock { state.count } }
    /// How many can be had without waiting.
    public var free: Int { guardLock.withLock { state.free } }
    /// How many strands and tasks wait.
    public var waiting: Int { guardLock.withLock { state.waiting } }

    // MARK: Getting

    /// Takes an idle resource or makes one. Waits while the maximum is lent.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `TimedOut` past the limit; what `create` throws, and then another caller may make
    ///   one; `CancellationError`.
    /// - Source: eventlet's `Pool.get`.
    @available(*, noasync)
    public func get(within limit: Duration? = nil) throws -> Resource {
        if let loan = guardLock.withLock({ state.get() }) { return try redeem(loan) }
        var place: Loan<Resource>?
        var isQueued = false
        let outcome = unsafe withUnsafeMutablePointer(to: &place) { slot in
            unsafe Parking.block(
                on: WaitTarget("ResourcePool.get", self), slot: UnsafeMutableRawPointer(slot),
                until: Deadline(within: limit), enrol: { self.enrol($0, &isQueued) },
                withdraw: { self.withdraw($0, isQueued) })
        }
        return try finish(outcome, place)
    }

    /// As the sync form, suspending the calling task.
    public func get(within limit: Duration? = nil) async throws -> Resource {
        if let loan = guardLock.withLock({ state.get() }) { return try redeem(loan) }
        let place = ItemPlace<Loan<Resource>>(nil)
        var isQueued = false
        let outcome = unsafe await Parking.suspend(
            on: WaitTarget("ResourcePool.get", self), slot: place.address,
            until: Deadline(within: limit), enrol: { self.enrol($0, &isQueued) },
            withdraw: { self.withdraw($0, isQueued) })
        return try finish(outcome, place.take())
    }

    /// Takes an idle resource or makes one; nil while the maximum is lent. Never waits.
    /// - Throws: What `create` throws.
    public func tryGet() throws -> Resource? {
        try guardLock.withLock { state.get() }.map { try redeem($0) }
    }

    /// Lends a resource to `body` and takes it back, even if `body` throws.
    @available(*, noasync)
    public func withResource<Result>(
        within limit: Duration? = nil, _ body: (Resource) throws -> Result
    ) throws -> Result {
        let resource = try get(within: limit)
        defer { put(resource) }
        return try body(resource)
    }

    /// As the sync form, suspending the calling task.
    public func withResource<Result>(
        within limit: Duration? = nil, _ body: (Resource) async throws -> Result
    ) async throws -> Result {
        let resource = try await get(within: limit)
        defer { put(resource) }
        return try await body(resource)
    }

    // MARK: Giving back

    /// Gives a resource back. The oldest waiter gets it, if there is one. Never blocks.
    ///
    /// If the maximum was lowered, the pool drops resources above it.
    /// - Source: eventlet's `Pool.put`.
    public func put(_ resource: Resource) {
        guardLock.lock()
        let result = state.put(resource)
        if case .handTo(let waiter) = result { fill(waiter, .resource(resource)) }
        guardLock.unlock()
        if case .handTo(let waiter) = result { waiter.unpark() }
    }

    /// Says that a lent resource will not come back, for example a broken connection. The pool may
    /// make another in its place. Never blocks.
    public func discard() {
        guardLock.lock()
        demand(state.count > 0, "discard of one of a ResourcePool that has none")
        let waiter = state.giveUpPlace()
        if let waiter { fill(waiter, .place) }
        guardLock.unlock()
        waiter?.unpark()
    }

    /// Changes the maximum, which is at least 1. Lent resources stay lent until they are given
    /// back.
    /// - Source: eventlet's `Pool.resize`.
    public func resize(to maximum: Int) {
        demand(maximum >= 1, "a ResourcePool needs maximum >= 1, not \(maximum)")
        guardLock.lock()
        let (dropped, woken) = state.resize(to: maximum)
        for waiter in woken { fill(waiter, .place) }
        guardLock.unlock()
        for waiter in woken { waiter.unpark() }
        withExtendedLifetime(dropped) {}
    }

    // MARK: Waiting

    private func enrol(_ waiter: Waiter, _ isQueued: inout Bool) -> Bool {
        guardLock.withLock {
            if let loan = state.get(orQueue: waiter) {
                fill(waiter, loan)
                return false
            }
            isQueued = true
            return true
        }
    }

    /// - Parameter isQueued: False for a waiter that was cancelled before it was queued.
    private func withdraw(_ waiter: Waiter, _ isQueued: Bool) {
        if isQueued { guardLock.withLock { state.withdraw(waiter) } }
    }

    /// Leaves in a waiter's place what it gets. Called under the lock.
    private func fill(_ waiter: Waiter, _ loan: Loan<Resource>) {
        unsafe waiter.place(of: Loan<Resource>.self).pointee = loan
    }

    private func finish(_ outcome: WaitOutcome, _ loan: Loan<Resource>?) throws -> Resource {
        guard try outcome.wasWoken(), let loan else {
            throw TimedOut("get from a ResourcePool of which all \(maximum) stayed lent")
        }
        return try redeem(loan)
    }

    private func redeem(_ loan: Loan<Resource>) throws -> Resource {
        switch loan {
        case .resource(let resource): return resource
        case .place:
            do {
                return try create()
            } catch {
                discard()
                throw error
            }
        }
    }
}

extension ResourcePool: LabelledObject {}
