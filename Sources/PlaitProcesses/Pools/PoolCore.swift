internal import DequeModule
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// The core of a ``ProcessPool``: its workers and its work. It has a thread with one fiber for each
/// worker's life and one for the answers. A strand that submits work gives it directly to a worker.
final class PoolCore: @unchecked Sendable {
    // Sendable: `guardLock` guards all variables.

    /// The settings of a pool.
    struct Plan: Sendable {
        var name: String
        var method: StartMethod
        var queueCapacity: Int
        var tasksPerWorker: Int?
        /// How many resident bytes a worker may have.
        var residentLimit: Int?
        var attempts: Int
        var options: ChildProcess.Options
        var initializer: TypeName?
        /// How long a worker may take to start and run its initializer.
        var startLimit = Duration.seconds(60)
        var initializerInput: [UInt8] = []
        /// Keeps copies of the initializer's descriptors open.
        var initializerBag = DescriptorBag()
    }

    enum Closing { case closed, terminated, broken(String) }

    let plan: Plan
    let places: CountingSemaphore
    let ended = Event()
    let background: BackgroundHub
    let callbacks: PoolCallbacks
    /// Workers make it readable when there are answers and the pool sleeps.
    let done: Descriptor
    let guardLock = ShortLock()
    var pending: Deque<PoolItem> = []
    var workers: [PoolWorker] = []
    /// Processes that are not workers yet.
    var starting: [ChildProcess] = []
    /// How many workers there should be, and how many fibers keep one each.
    var wanted: Int
    var keepers = 0
    var closing: Closing?
    /// Set when nobody must wait for anything any more.
    let isDoomed = Event()
    private var functions: [ObjectIdentifier: UInt32] = [:]
    private var names: [[UInt8]] = []
    var started = 0
    var completed = 0
    var crashed = 0
    /// How many done items have waiters that were not told yet.
    var untold = 0
    private var isOver = false
    /// Whether `watchIsWanted` was set and its work goes on.
    var isWatching = false
    let watchIsWanted = Event()

    init(_ plan: Plan, workers: Int) throws {
        self.plan = plan
        places = CountingSemaphore(permits: plan.queueCapacity)
        done = try makeEventCounter()
        callbacks = PoolCallbacks(name: plan.name)
        background = try Hub.start(name: plan.name)
        wanted = workers
    }

    func start() throws {
        let starter = spawn(.fiber, on: background.hub, name: "start") {
            try self.startFiber("answers") { try self.takeAnswers() }
            try self.startFiber("limits") { try self.watchLimits() }
            while self.guardLock.withLock({ self.keepers < self.wanted }) {
                try self.startFiber("keeper") { self.keepWorkers() }
                self.guardLock.withLock { self.keepers += 1 }
            }
        }
        starter.strand.joinUncancellably()
        do {
            try starter.join()
        } catch {
            stop(.terminated)
            background.requestStop()
            throw error
        }
    }

    /// Starts a fiber on the pool's thread. Called on that thread.
    /// - Throws: The error if the fiber could not start, which is known at once on that thread.
    @discardableResult
    func startFiber(
        _ name: String, _ body: @escaping () throws -> Void
    ) throws -> JoinHandle<Void> {
        let fiber = spawn(.fiber, name: name, isDaemon: true, body)
        if !fiber.isAlive { try fiber.join() }
        return fiber
    }

    // MARK: Taking work

    /// The number that stands for a function.
    func number(of function: Any.Type) throws -> UInt32 {
        if let number = guardLock.withLock({ functions[ObjectIdentifier(function)] }) {
            return number
        }
        let name = try MessagePackEncoder().encode(try TypeName(reachable: function))
        return guardLock.withLock {
            if let number = functions[ObjectIdentifier(function)] { return number }
            let number = UInt32(names.count)
            functions[ObjectIdentifier(function)] = number
            names.append(name)
            return number
        }
    }

    /// Takes an item. The caller has acquired a place for it.
    func submit(_ item: PoolItem) throws {
        guardLock.lock()
        if let closing {
            guardLock.unlock()
            places.release()
            throw error(of: closing)
        }
        pending.append(item)
        let given = distribute()
        let mustWatch = (item.limit != nil || plan.residentLimit != nil) && !isWatching
        if mustWatch { isWatching = true }
        guardLock.unlock()
        send(given)
        if mustWatch { watchIsWanted.set() }
    }

    func error(of closing: Closing) -> ProcessPoolError {
        switch closing {
        case .closed: .closed
        case .terminated: .terminated
        case .broken(let reason): .broken(reason: reason)
        }
    }

    /// What the caller must do after unlocking.
    struct Given {
        /// Workers to wake.
        var workers: [PoolWorker] = []
        /// Workers with another large input to send.
        var senders: [PoolWorker] = []
        /// Strands that waited for an item to begin.
        var claimed = ClaimedWaiters()
        /// Unwanted items, which are released together with this value.
        var dropped: [PoolItem] = []
    }

    /// Gives pending items to workers that have room. Called under the lock.
    func distribute() -> Given {
        var given = Given()
        while let item = pending.first {
            guard let worker = workers.filter(\.hasRoom).min(by: { $0.sent.count < $1.sent.count })
            else { break }
            guard item.begin(claiming: &given.claimed) else {
                pending.removeFirst()
                given.dropped.append(item)
                continue
            }
            guard worker.give(item, { self.names[Int($0)] }) else { break }
            pending.removeFirst()
            if item.input.count > MessageRing.longest { given.senders.append(worker) }
            if !given.workers.contains(where: { $0 === worker }) { given.workers.append(worker) }
        }
        let isIdle = pending.isEmpty && workers.allSatisfy { $0.sent.isEmpty }
        let surplus = isIdle && closing != nil ? workers.count : max(0, workers.count - wanted)
        for worker in workers.suffix(surplus) { worker.retire() }
        for worker in workers where worker.tellEnd() { given.workers.append(worker) }
        return given
    }

    func send(_ given: consuming Given) {
        for worker in given.workers { worker.wake() }
        for worker in given.senders { worker.outgoing.release() }
        let claimed = given.claimed
        claimed.unparkAll()
        if !given.dropped.isEmpty { places.release(given.dropped.count) }
    }

    // MARK: The end

    var statistics: ProcessPool.Statistics {
        guardLock.withLock {
            ProcessPool.Statistics(
                workers: workers.count, queued: pending.count,
                running: workers.reduce(0) { $0 + $1.sent.count }, completed: completed,
                crashed: crashed)
        }
    }

    /// How many workers there should be.
    var size: Int { guardLock.withLock { wanted } }

    var pids: [Int32] { guardLock.withLock { workers.map(\.launch.child.pid) } }

    func resize(to count: Int) {
        guardLock.lock()
        wanted = count
        let missing = closing == nil ? max(0, count - keepers) : 0
        keepers += missing
        let given = distribute()
        guardLock.unlock()
        send(given)
        guard missing > 0 else { return }
        background.hub.post {
            for _ in 0..<missing {
                do {
                    try self.startFiber("keeper") { self.keepWorkers() }
                } catch {
                    self.loseKeeper(error)
                }
            }
        }
    }

    /// Called when nobody refers to the pool any more. A closed pool does its remaining work; any
    /// other pool stops.
    func letGo() {
        let isClosed = guardLock.withLock {
            if case .closed? = closing { true } else { false }
        }
        if !isClosed { stop(.terminated) }
    }

    func stop(_ how: Closing) {
        guardLock.lock()
        switch (closing, how) {
        case (nil, _), (.closed, .terminated), (.closed, .broken): closing = how
        default: break
        }
        let reason = error(of: closing ?? how)
        var refused: [Ended] = []
        var doomed: [ChildProcess] = []
        if case .closed? = closing {
            // Nobody needs workers that are still starting or running their initializer.
            if pending.isEmpty { doomed = starting }
        } else {
            let items = Array(pending) + workers.flatMap(\.sent)
            refused = items.map { note($0, .failure(reason)) }
            pending = []
            for worker in workers {
                worker.sent = []
                worker.isKilled = true
            }
            doomed = workers.map(\.launch.child) + starting
        }
        let given = distribute()
        guardLock.unlock()
        send(given)
        for child in doomed { child.kill() }
        if reason != .closed { isDoomed.set() }
        if !refused.isEmpty { places.release(refused.count) }
        tell(refused)
        endIfOver()
    }

    /// Ends the pool if there is nothing left to do. The last strand with work calls it.
    func endIfOver() {
        let isLast = guardLock.withLock {
            guard closing != nil, keepers == 0, untold == 0, !isOver else { return false }
            isOver = true
            return true
        }
        guard isLast else { return }
        if callbacks.isUnused { return announceEnd() }
        // Not on the strand that stops the pool, which need not wait, and not in a callback.
        let isPosted = background.hub.post {
            let fiber = spawn(.fiber, name: "end") {
                self.callbacks.finish()
                self.announceEnd()
            }
            if !fiber.isAlive { self.announceEnd() }
        }
        if !isPosted { announceEnd() }
    }

    private func announceEnd() {
        ended.set()
        background.requestStop()
    }
}
