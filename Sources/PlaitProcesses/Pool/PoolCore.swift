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
    private let background: BackgroundHub
    /// Made readable by workers when there are answers and the pool sleeps.
    private let done: Descriptor
    private let guardLock = ShortLock()
    private var pending: Deque<PoolItem> = []
    private var workers: [PoolWorker] = []
    /// How many there are to be, and fibers that keep one each.
    private var wanted: Int
    private var keepers = 0
    private var closing: Closing?
    private var functions: [ObjectIdentifier: UInt32] = [:]
    private var names: [[UInt8]] = []
    private var started = 0
    private var completed = 0
    private var crashed = 0
    /// Starts that failed in a row.
    private var failedStarts = 0
    private var isWatching = false

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
    private struct Given {
        var workers: [PoolWorker] = []
        /// Items whose bytes go over the connection.
        var large: [(PoolWorker, [UInt8])] = []
        /// Places of items that nobody wants any more.
        var places = 0
    }

    /// Gives pending items to workers that have room. Under the lock.
    private func distribute() -> Given {
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

    private func send(_ given: Given) {
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
        let woken = workers.filter { _ in !finished.isEmpty }
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

    // MARK: Workers

    private func startKeeper() {
        spawn(.fiber, on: background.hub, name: "keeper", isDaemon: true) { self.keepWorkers() }
    }

    /// Has one worker after the other, as long as one is wanted.
    private func keepWorkers() {
        while isWorkerWanted() {
            do {
                let worker = try startWorker()
                try waitForEnd(of: worker)
                bury(worker)
            } catch let error as ProcessPoolError {
                stop(.broken(error.description))
            } catch {
                noteFailedStart(error)
            }
        }
        if guardLock.withLock({ keepers == 0 && closing != nil }) { end() }
    }

    /// One that was told to end, has nothing left to do, and has not ended for two seconds is stopped, or
    /// hangs in its own clean-up: it is killed.
    private func waitForEnd(of worker: PoolWorker) throws {
        var looks = 0
        while try worker.launch.child.join(within: .seconds(1)) == nil {
            let isLate = guardLock.withLock { worker.isEnding && worker.sent.isEmpty }
            looks = isLate ? looks + 1 : 0
            if looks == 3 { worker.launch.child.kill() }
        }
    }

    private func end() {
        ended.set()
        background.requestStop()
    }

    /// Whether the calling keeper is to start another; if not, it is counted out.
    private func isWorkerWanted() -> Bool {
        guardLock.withLock {
            let isNeeded =
                switch closing {
                case nil: true
                case .closed: !pending.isEmpty
                case .terminated, .broken: false
                }
            if isNeeded && keepers <= wanted { return true }
            keepers -= 1
            return false
        }
    }

    private func startWorker() throws -> PoolWorker {
        let name = guardLock.withLock {
            defer { started += 1 }
            return "\(plan.name)-\(started)"
        }
        let file = try WorkerMemory.make(name: name)
        let wakeup = try makeEventCounter()
        let launch = try Launch.start(plan.method, plan.options)
        do {
            try launch.link.send(
                value: ChildOrder(
                    role: .worker, name: name, function: plan.initializer,
                    descriptors: plan.initializerBag.numbers.count))
            let shared = [file.number, wakeup.number, done.number]
            for number in shared + plan.initializerBag.numbers {
                try launch.link.send(.init(rawValue: number))
            }
            if plan.initializer != nil { try launch.link.send(plan.initializerInput) }
            let answer = try launch.link.receive(atMost: .max)
            if !answer.isEmpty { try Answer.check(answer) }
        } catch let error as RemoteError {
            launch.child.kill()
            _ = try launch.child.join()
            throw ProcessPoolError.broken(reason: "the initializer threw \(error)")
        } catch {
            launch.child.kill()
            let status = try launch.child.join() ?? .lost
            throw WorkerCrashed(
                name: name, pid: launch.child.pid, status: status,
                said: launch.lastWords?.read() ?? [])
        }
        let worker = PoolWorker(
            name: name, launch, try WorkerMemory(mapping: file.number), wakeup: wakeup)
        guardLock.lock()
        failedStarts = 0
        workers.append(worker)
        // The fiber that takes answers may sleep already.
        worker.memory.answers.consumerWillSleep(true)
        let given = distribute()
        let mustDie = if case .closed? = closing { false } else { closing != nil }
        guardLock.unlock()
        send(given)
        if mustDie { launch.child.kill() }
        return worker
    }

    private func noteFailedStart(_ error: any Error) {
        let isHopeless = guardLock.withLock {
            failedStarts += 1
            return failedStarts >= 3
        }
        if isHopeless { stop(.broken("no worker could be started: \(error)")) }
    }

    /// Sees to what a worker that has ended left.
    private func bury(_ worker: PoolWorker) {
        drain()
        // What it sent before it died is still to be had.
        while guardLock.withLock({ worker.isTakingLarge }) {
            worker.hasTakenLarge.waitUncancellably()
            drain()
        }
        let status = worker.launch.child.exitStatus ?? .lost
        guardLock.lock()
        workers.removeAll { $0 === worker }
        var failed: [(PoolItem, any Error)] = []
        if let first = worker.sent.first {
            if first === worker.expired {
                failed.append((first, ProcessPoolError.timedOut(first.limit ?? .zero)))
                worker.sent.removeFirst()
            } else if worker.hasBegunFirst && !worker.isKilled {
                crashed += 1
                first.attempts += 1
                if first.attempts >= plan.attempts {
                    worker.sent.removeFirst()
                    failed.append((first, CancellationError()))
                }
            }
        }
        // The others had not begun: they go to other workers, before what came later.
        for item in worker.sent.reversed() { pending.prepend(item) }
        worker.sent = []
        let given = distribute()
        guardLock.unlock()
        send(given)
        worker.launch.link.close()
        for (item, error) in failed {
            places.release()
            guard error is CancellationError else {
                item.fail(error)
                continue
            }
            var crash = WorkerCrashed(
                name: worker.name, pid: worker.launch.child.pid, status: status,
                said: worker.launch.lastWords?.read() ?? [])
            crash.attempts = item.attempts
            item.fail(crash)
        }
    }

    // MARK: Limits

    /// Kills workers whose item runs for longer than it may.
    private func watchLimits() throws {
        while true {
            let now = monotonicNow()
            guardLock.lock()
            var late: [PoolWorker] = []
            var nearest = UInt64.max
            for worker in workers where !worker.isKilled {
                guard let item = worker.sent.first, let limit = item.limit else { continue }
                let end = worker.headSince &+ limit.nanosecondsClamped
                if end <= now {
                    worker.isKilled = true
                    // One that has not begun hangs, but not by this item's fault.
                    if worker.hasBegunFirst { worker.expired = item }
                    late.append(worker)
                } else {
                    nearest = min(nearest, end - now)
                }
            }
            let isOver = pending.isEmpty && workers.allSatisfy { $0.sent.isEmpty }
            if isOver { isWatching = false }
            guardLock.unlock()
            for worker in late { worker.launch.child.kill() }
            if isOver { return }
            // Others may begin meanwhile: 5 ms late at most.
            try Strand.sleep(for: .nanoseconds(Int64(min(nearest, 5_000_000))))
        }
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
