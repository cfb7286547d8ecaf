internal import DequeModule
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

// The lives of a pool's workers: a fiber each, on the pool's thread.
extension PoolCore {
    func startKeeper() {
        spawn(.fiber, on: background.hub, name: "keeper", isDaemon: true) { self.keepWorkers() }
    }

    /// Has one worker after the other, as long as one is wanted.
    private func keepWorkers() {
        while isWorkerWanted() {
            do {
                let worker = try startWorker()
                try waitForEnd(of: worker)
                bury(worker)
            } catch ProcessPoolError.broken(let reason) {
                stop(.broken(reason))
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

    func end() {
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
        let launch = try Launch.start(plan.method, plan.options, name: name)
        let answer: [UInt8]
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
            answer = try launch.link.receive(atMost: .max)
        } catch {
            launch.child.kill()
            _ = try launch.child.join()
            throw crash(of: name, launch)
        }
        do {
            if !answer.isEmpty { try Answer.check(answer) }
        } catch {
            launch.child.kill()
            _ = try launch.child.join()
            throw ProcessPoolError.broken(reason: "the initializer threw \(error)")
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
        guardLock.lock()
        workers.removeAll { $0 === worker }
        let expired = worker.sent.first.flatMap { $0 === worker.expired ? $0 : nil }
        let crashed = expired == nil ? blame(worker) : nil
        if expired != nil || crashed != nil { worker.sent.removeFirst() }
        // The others had not begun, or may be tried again: they go to other workers, before what came later.
        for item in worker.sent.reversed() { pending.prepend(item) }
        worker.sent = []
        let given = distribute()
        guardLock.unlock()
        send(given)
        worker.launch.link.close()
        if let expired {
            places.release()
            expired.fail(ProcessPoolError.timedOut(expired.limit ?? .zero))
        }
        if let crashed {
            places.release()
            crashed.fail(crash(of: worker.name, worker.launch, attempts: crashed.attempts))
        }
    }

    /// The item that a worker died of, if it is not to be tried again. Under the lock.
    private func blame(_ worker: PoolWorker) -> PoolItem? {
        guard let first = worker.sent.first, worker.hasBegunFirst, !worker.isKilled else {
            return nil
        }
        crashed += 1
        first.attempts += 1
        return first.attempts >= plan.attempts ? first : nil
    }

    private func crash(of name: String, _ launch: Launch, attempts: Int = 1) -> WorkerCrashed {
        var crash = WorkerCrashed(
            name: name, pid: launch.child.pid, status: launch.child.exitStatus ?? .lost,
            said: launch.lastWords?.read() ?? [])
        crash.attempts = attempts
        return crash
    }

    // MARK: Limits

    /// Kills workers whose item runs for longer than it may.
    func watchLimits() throws {
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
}
