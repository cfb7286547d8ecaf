internal import DequeModule
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// What keeps a ``ProcessPool`` going: its workers, and the work. A thread of its own, with a fiber for
/// each worker's life and one for their answers; whoever submits gives work to a worker directly.
final class PoolCore: @unchecked Sendable {
    // Sendable: `guardLock` guards all that varies.

    /// How a pool is set up.
    struct Plan: Sendable {
        var name: String
        var method: StartMethod
        var queueCapacity: Int
        var tasksPerWorker: Int?
        var attempts: Int
        var options: ChildProcess.Options
        var initializer: TypeName?
        var initializerInput: [UInt8] = []
        /// Keeps copies of its descriptors open.
        var initializerBag = DescriptorBag()
    }

    enum Closing { case closed, terminated, broken(String) }

    let plan: Plan
    let places: CountingSemaphore
    let ended = Event()
    let background: BackgroundHub
    /// Made readable by workers when there are answers and the pool sleeps.
    let done: Descriptor
    let guardLock = ShortLock()
    var pending: Deque<PoolItem> = []
    var workers: [PoolWorker] = []
    /// How many there are to be, and fibers that keep one each.
    var wanted: Int
    var keepers = 0
    var closing: Closing?
    private var functions: [ObjectIdentifier: UInt32] = [:]
    private var names: [[UInt8]] = []
    var started = 0
    private var completed = 0
    var crashed = 0
    /// Starts that failed in a row.
    var failedStarts = 0
    var isWatching = false

    init(_ plan: Plan, workers: Int) throws {
        self.plan = plan
        places = CountingSemaphore(permits: plan.queueCapacity)
        done = try makeEventCounter()
        background = try Hub.start(name: plan.name)
        wanted = workers
    }

    func start() {
        spawn(.fiber, on: background.hub, name: "answers", isDaemon: true) {
            try self.takeAnswers()
        }
        guardLock.lock()
        let missing = wanted - keepers
        keepers = wanted
        guardLock.unlock()
        for _ in 0..<missing { startKeeper() }
    }

    // MARK: Taking work

    /// The number of a function.
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

    /// Takes an item for which there is a place.
    func submit(_ item: PoolItem) throws {
        guardLock.lock()
        if let closing {
            guardLock.unlock()
            places.release()
            throw error(of: closing)
        }
        pending.append(item)
        let woken = distribute()
        let mustWatch = item.limit != nil && !isWatching
        if mustWatch { isWatching = true }
        guardLock.unlock()
        send(woken)
        if mustWatch {
            spawn(.fiber, on: background.hub, name: "limits", isDaemon: true) {
                try self.watchLimits()
            }
        }
    }

    func error(of closing: Closing) -> ProcessPoolError {
        switch closing {
        case .closed: .closed
        case .terminated: .terminated
        case .broken(let reason): .broken(reason: reason)
        }
    }

    /// What workers are to be told once the lock is free.
    struct Given {
        var workers: [PoolWorker] = []
        /// Items whose bytes go over the connection.
        var large: [(PoolWorker, [UInt8])] = []
        /// Places of items that nobody wants any more.
        var places = 0
    }

    /// Gives pending items to workers that have room. Under the lock.
    func distribute() -> Given {
        var given = Given()
        while let item = pending.first {
            guard let worker = workers.filter(\.hasRoom).min(by: { $0.sent.count < $1.sent.count })
            else { break }
            guard item.begin() else {
                pending.removeFirst()
                given.places += 1
                continue
            }
            guard worker.give(item, { self.names[Int($0)] }) else { break }
            pending.removeFirst()
            if item.input.count > MessageRing.longest { given.large.append((worker, item.input)) }
            if !given.workers.contains(where: { $0 === worker }) { given.workers.append(worker) }
            if let most = plan.tasksPerWorker, worker.given >= most { worker.end() }
        }
        let isIdle = pending.isEmpty && workers.allSatisfy { $0.sent.isEmpty }
        let surplus = isIdle && closing != nil ? workers.count : max(0, workers.count - wanted)
        for worker in workers.suffix(surplus) where !worker.isEnding {
            worker.end()
            given.workers.append(worker)
        }
        return given
    }

    func send(_ given: Given) {
        for worker in given.workers { worker.wake() }
        if given.places > 0 { places.release(given.places) }
        for (worker, bytes) in given.large {
            spawn(.fiber, on: background.hub, name: "large input", isDaemon: true) {
                // Whether it died is seen by its keeper.
                try? worker.launch.link.send(bytes)
            }
        }
    }

    // MARK: Taking answers

    private func takeAnswers() throws {
        while true {
            let hasSome = guardLock.withLock { workers.contains { !$0.memory.answers.isEmpty } }
            if !hasSome {
                setSleeping(true)
                if guardLock.withLock({ workers.allSatisfy { $0.memory.answers.isEmpty } }) {
                    _ = try Strand.waitReadable(done.number, until: .never)
                    drainEventCounter(done.number)
                }
            }
            drain()
            Strand.yield()
        }
    }

    private func setSleeping(_ sleeps: Bool) {
        guardLock.withLock {
            for worker in workers { worker.memory.answers.consumerWillSleep(sleeps) }
        }
    }

    /// Takes what answers there are.
    func drain() {
        var finished: [(PoolItem, [UInt8])] = []
        var large: [(PoolWorker, PoolItem)] = []
        guardLock.lock()
        for worker in workers { take(from: worker, &finished, &large) }
        completed += finished.count
        let given = finished.isEmpty ? nil : distribute()
        let woken = finished.isEmpty ? [] : workers
        guardLock.unlock()
        for worker in woken { worker.wake() }
        if let given { send(given) }
        for (worker, item) in large {
            spawn(.fiber, on: background.hub, name: "large answer", isDaemon: true) {
                self.takeLarge(from: worker, item)
            }
        }
        guard !finished.isEmpty else { return }
        places.release(finished.count)
        for (item, answer) in finished { item.finish(answer) }
    }

    /// Under the lock.
    private func take(
        from worker: PoolWorker, _ finished: inout [(PoolItem, [UInt8])],
        _ large: inout [(PoolWorker, PoolItem)]
    ) {
        var count = 0
        do throws(MessageRing.Corrupt) {
            while !worker.isTakingLarge, let (kind, _, message) = try worker.memory.answers.read() {
                guard let item = worker.sent.first else { throw MessageRing.Corrupt() }
                if kind == WorkerMemory.Answers.large {
                    worker.isTakingLarge = true
                    worker.hasTakenLarge.clear()
                    large.append((worker, item))
                } else {
                    worker.sent.removeFirst()
                    finished.append((item, message))
                    count += 1
                }
            }
        } catch {
            // It has written over its own memory: its end is the end of what it runs.
            worker.launch.child.kill()
        }
        if count > 0 { worker.noteAnswers(count) }
    }

    private func takeLarge(from worker: PoolWorker, _ item: PoolItem) {
        let answer = try? worker.launch.link.receive(atMost: .max)
        guardLock.lock()
        worker.isTakingLarge = false
        // Else it died meanwhile, and its keeper sees to the item, or the pool was terminated.
        let isWanted = answer != nil && worker.sent.first === item
        var given = Given()
        if isWanted {
            worker.sent.removeFirst()
            worker.noteAnswers(1)
            completed += 1
            given = distribute()
        }
        guardLock.unlock()
        send(given)
        if isWanted, let answer {
            places.release()
            item.finish(answer)
        }
        worker.hasTakenLarge.set()
        drain()
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

    /// Workers that there are to be.
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
        for _ in 0..<missing { startKeeper() }
    }

    func stop(_ how: Closing) {
        guardLock.lock()
        switch (closing, how) {
        case (nil, _), (.closed, .terminated), (.closed, .broken): closing = how
        default: break
        }
        var refused: [PoolItem] = []
        var doomed: [PoolWorker] = []
        if case .closed? = closing {
        } else {
            refused = Array(pending) + workers.flatMap(\.sent)
            pending = []
            for worker in workers {
                worker.sent = []
                worker.isKilled = true
            }
            doomed = workers
        }
        let given = distribute()
        let isOver = keepers == 0
        let reason = error(of: closing ?? how)
        guardLock.unlock()
        send(given)
        for worker in doomed { worker.launch.child.kill() }
        if isOver { end() }
        if !refused.isEmpty { places.release(refused.count) }
        for item in refused { item.fail(reason) }
    }
}
