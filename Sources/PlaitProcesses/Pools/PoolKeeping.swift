internal import DequeModule
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

// The lives of a pool's workers, each on a fiber of the pool's thread.
extension PoolCore {
    /// After how many failed starts in a row a keeper gives up, if there are no workers at all.
    private static let mostFailures = 5

    /// Keeps one worker after the other, as long as one is wanted.
    func keepWorkers() {
        var failures = 0
        while isWorkerWanted() {
            do {
                let worker = try startWorker()
                failures = 0
                waitForEnd(of: worker)
                bury(worker)
            } catch ProcessPoolError.broken(let reason) {
                stop(.broken(reason))
            } catch {
                failures += 1
                let isAlone = guardLock.withLock { workers.isEmpty }
                if failures >= Self.mostFailures && isAlone {
                    stop(.broken("no worker could be started: \(error)"))
                }
                pause(after: failures)
            }
        }
        endIfOver()
    }

    /// Pauses for 10 ms, and four times as long after each further failure, up to a second, since
    /// the missing resource may come back. The pause ends when the pool is terminated.
    private func pause(after failures: Int) {
        let limit = min(10 << (2 * min(failures - 1, 4)), 1_000)
        _ = try? isDoomed.wait(within: .milliseconds(limit))
    }

    /// Whether the calling keeper must start another worker. If not, the keeper does not count any
    /// more.
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

    /// Removes a keeper that could not start from the count.
    func loseKeeper(_ error: any Error) {
        let wasLast = guardLock.withLock {
            keepers -= 1
            return keepers == 0
        }
        if wasLast { stop(.broken("no worker could be started: \(error)")) }
    }

    /// Waits for the end of a worker. A worker that was told to end, has nothing left to do, and
    /// has not ended after two seconds is stopped or hangs in its clean-up; it is killed.
    private func waitForEnd(of worker: PoolWorker) {
        var looks = 0
        while !hasEnded(worker.launch.child, within: .seconds(1)) {
            let isLate = guardLock.withLock { worker.isEnding && worker.sent.isEmpty }
            looks = isLate ? looks + 1 : 0
            if looks == 3 { worker.launch.child.kill() }
        }
    }

    /// Waits for a child. If the system has no resources for a wait, it looks now and then.
    private func hasEnded(_ child: ChildProcess, within limit: Duration) -> Bool {
        do {
            return try child.end.join(until: Deadline(within: limit)) != nil
        } catch {
            try? Strand.sleep(for: .milliseconds(50))
            return child.exitStatus != nil
        }
    }

    private func startWorker() throws -> PoolWorker {
        let name = guardLock.withLock {
            defer { started += 1 }
            return "\(plan.name)-\(started)"
        }
        let file = try WorkerMemory.make(name: name)
        // Made before the process, which would have to be ended if this failed.
        let memory = try WorkerMemory(mapping: file.number)
        let wakeup = try makeEventCounter()
        let launch = try Launch.start(plan.method, plan.options, name: name)
        let isWanted = guardLock.withLock {
            starting.append(launch.child)
            return !isStopping
        }
        defer { guardLock.withLock { starting.removeAll { $0 === launch.child } } }
        do {
            if !isWanted { launch.child.kill() }
            try introduce(name, launch, [file.number, wakeup.number, done.number])
            let worker = PoolWorker(name: name, launch, memory, wakeup: wakeup, plan)
            try startCouriers(of: worker)
            employ(worker)
            return worker
        } catch {
            launch.child.kill()
            while !hasEnded(launch.child, within: .seconds(1)) {}
            // If the end of the process ended the connection, report the crash.
            let isCrash = error is ConnectionError || (error as? SystemError)?.meansEnd == true
            throw isCrash ? crash(of: name, launch) : error
        }
    }

    /// Whether the remaining items will not be done. Called under the lock.
    private var isStopping: Bool {
        if case .closed? = closing { false } else { closing != nil }
    }

    /// Tells a process that it is a worker, and waits until its initializer has run.
    private func introduce(_ name: String, _ launch: Launch, _ shared: [Int32]) throws {
        var order = ChildOrder(
            role: .other, name: name, life: TypeName(WorkerRole.self), function: plan.initializer,
            descriptors: plan.initializerBag.numbers.count)
        order.residentLimit = plan.residentLimit
        try launch.link.send(value: order)
        for number in shared + plan.initializerBag.numbers {
            try launch.link.send(.init(rawValue: number))
        }
        if plan.initializer != nil { try launch.link.send(plan.initializerInput) }
        let answer: [UInt8]
        do {
            answer = try launch.link.receive(atMost: .max, within: plan.startLimit)
        } catch is TimedOut {
            throw ProcessPoolError.broken(
                reason: "the initializer of \(name) had not ended after \(plan.startLimit)")
        }
        guard !answer.isEmpty else { return }
        do {
            try Answer.check(answer)
        } catch {
            throw ProcessPoolError.broken(reason: "the initializer threw \(error)")
        }
    }

    private func employ(_ worker: PoolWorker) {
        guardLock.lock()
        workers.append(worker)
        // The fiber that takes answers may already be sleeping.
        worker.memory.answers.consumerWillSleep(true)
        let given = distribute()
        let mustDie = isStopping
        guardLock.unlock()
        send(given)
        if mustDie { worker.launch.child.kill() }
    }

    /// Handles the items of a worker that has ended.
    private func bury(_ worker: PoolWorker) {
        drain()
        // The answers that it sent before its end are still there. A process that it has started
        // may keep the connection open and send nothing.
        while let arrival = guardLock.withLock({ worker.arriving }) {
            let isOver = (try? arrival.isOver.wait(within: .seconds(5))) ?? false
            if !isOver { worker.launch.link.close() }
            drain()
        }
        let crash = crash(of: worker.name, worker.launch)
        guardLock.lock()
        workers.removeAll { $0 === worker }
        let ended = blame(worker, crash)
        // The other items had not begun, or may be tried again. They go to other workers, before
        // later items.
        for item in worker.sent.reversed() { pending.prepend(item) }
        worker.sent = []
        let given = distribute()
        guardLock.unlock()
        send(given)
        for courier in worker.couriers { courier.cancel() }
        worker.launch.link.close()
        guard let ended else { return }
        places.release()
        tell([ended])
    }

    /// Takes the item with which a worker ended, if it must not be tried again. Called under the
    /// lock.
    private func blame(_ worker: PoolWorker, _ crash: WorkerCrashed) -> Ended? {
        guard let first = worker.sent.first else { return nil }
        if let condemned = worker.condemned, condemned.item === first {
            crashed += 1
            worker.sent.removeFirst()
            return note(first, .failure(condemned.error))
        }
        guard worker.hasBegunFirst else { return nil }
        crashed += 1
        first.attempts += 1
        guard first.attempts >= plan.attempts else { return nil }
        worker.sent.removeFirst()
        var crash = crash
        crash.attempts = first.attempts
        return note(first, .failure(crash))
    }

    private func crash(of name: String, _ launch: Launch) -> WorkerCrashed {
        WorkerCrashed(
            name: name, pid: launch.child.pid, status: launch.child.exitStatus ?? .lost,
            said: launch.lastWords?.read() ?? [])
    }
}
