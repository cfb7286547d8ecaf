internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync

// How work enters a ThreadPool, and how the pool's workers live.
extension ThreadPoolCore {
    // MARK: Entering

    /// Gives work to the pool. The caller has acquired a place for it.
    /// - Returns: Whether a worker is coming for the work, so that it begins without waiting for
    ///   other work; nil when there is no place.
    @discardableResult
    func enqueue(_ work: PoolWork, hasPlace: Bool) throws(ThreadPoolError) -> Bool? {
        guardLock.lock()
        if let error = refusal {
            guardLock.unlock()
            // The next caller that waits for a place must learn of the refusal too.
            if hasPlace { places.release() }
            throw error
        }
        guard hasPlace else {
            guardLock.unlock()
            return nil
        }
        state.add(work)
        return unlockCovering { state.isCovered }
    }

    /// Why the pool takes no work; nil if it does. Called under the lock.
    private var refusal: ThreadPoolError? {
        switch state.closing {
        case .shutDown: .shutDown
        case .broken(let reason): .broken(reason: reason)
        case nil: PoolRegistry.programIsEnding ? .shutDown : nil
        }
    }

    /// Calls workers for the waiting work, unlocks, and wakes and starts these workers.
    @discardableResult
    private func unlockCovering<Answer>(_ answer: () -> Answer) -> Answer {
        var claimed = ClaimedWaiters()
        var starts = 0
        covering: while true {
            switch state.cover() {
            case .none: break covering
            case .wake(let worker): claimed.append(worker)
            case .start: starts += 1
            }
        }
        let first = started
        started += starts
        let answer = answer()
        guardLock.unlock()
        claimed.unparkAll()
        for number in first..<first + starts { startWorker(number) }
        return answer
    }

    private func unlockCovering() { unlockCovering {} }

    /// The work of a future was cancelled before it began, which frees its place.
    func futureWasCancelled() {
        guardLock.lock()
        cancelled += 1
        var unwanted: [PoolWork] = []
        // Each item is looked at twice on average, however many there are.
        if cancelled * 2 >= state.items.count {
            cancelled = 0
            unwanted = state.remove { $0.isDone }
        }
        let isFreed = !paysDebt()
        guardLock.unlock()
        if isFreed { places.release() }
        withExtendedLifetime(unwanted) {}
    }

    /// Whether a place that was given back pays a debt instead of becoming free. Called under the
    /// lock.
    private func paysDebt() -> Bool {
        guard debt > 0 else { return false }
        debt -= 1
        return true
    }

    // MARK: Workers

    private func startWorker(_ number: Int) {
        PoolRegistry.add(self)
        let plan = ThreadPlan("\(name)-\(number)", true, stackSize)
        let thread = TaskBindings.without { SpawnedThread.start(plan) { _ in self.live() } }
        guard let error = thread.errorAfterEnd else { return }
        thread.markObserved()
        guardLock.lock()
        state.end()
        let isLast = state.threads == 0
        guardLock.unlock()
        // The existing workers do the work. Without any worker it would wait for ever.
        if isLast {
            fail("no thread could be started: \(error)")
            unregister()
        }
    }

    /// A worker's life.
    private func live() {
        let strand = Strand.current
        guardLock.lock()
        strands.removeAll { !$0.isAlive }
        strands.append(strand)
        guardLock.unlock()
        do {
            try initializer?()
            while let work = next() { perform(work) }
        } catch {
            guardLock.withLock { _ = state.end() }
            fail("the initializer threw on \(strand.name): \(error)")
        }
        leave()
    }

    private func perform(_ work: PoolWork) {
        let isCompleted = work.run()
        // Before the result is known, so that a caller that then brings more work finds this
        // worker.
        guardLock.lock()
        state.comeBack(isCompleted: isCompleted)
        let isFreed = isCompleted && !paysDebt()
        guardLock.unlock()
        if isFreed { places.release() }
        guard let callbacks = work.finish() else { return }
        // Callbacks may take long, so other workers must come for the waiting work.
        guardLock.lock()
        state.holdUp()
        unlockCovering()
        callbacks()
        guardLock.withLock { state.comeBack(isCompleted: false) }
    }

    /// The next work for the calling worker. Nil when the worker must end; it does not count any
    /// more then.
    private func next() -> PoolWork? {
        while true {
            var found = guardLock.withLock { state.look() }
            var outcome = WaitOutcome.pending
            if case .park = found {
                outcome = Parking.block(
                    on: WaitTarget("ThreadPool.next", self), until: Deadline(within: idleLimit),
                    isCancellable: false,
                    enrol: { worker in
                        found = self.guardLock.withLock { self.state.look(orQueue: worker) }
                        if case .park = found { return true }
                        return false
                    },
                    withdraw: { worker in
                        found = self.guardLock.withLock { self.state.giveUp(worker) }
                    })
            }
            switch found {
            case .work(let work): return work
            case .end: return nil
            case .park: demand(outcome.isWoken, "an idle worker of \(name) ended as \(outcome)")
            }
        }
    }

    /// Called when a worker does not count any more.
    private func leave() {
        guardLock.lock()
        let isOver = state.isOver
        let isLast = state.threads == 0
        unlockCovering()
        if isOver { ended.set() }
        if isLast { unregister() }
    }

    /// Called by the worker that found no other workers.
    private func unregister() {
        PoolRegistry.remove(self)
        // A worker that started meanwhile may have registered the pool before this.
        if guardLock.withLock({ state.threads }) > 0 { PoolRegistry.add(self) }
    }

    func isWorker(_ strand: Strand) -> Bool {
        guardLock.withLock { strands.contains { $0 === strand } }
    }

    var workerStrands: [Strand] { guardLock.withLock { strands } }

    // MARK: Changing

    func setWorkers(_ limit: Int) {
        demand(limit >= 0, "ThreadPool \(name) cannot have \(limit) workers")
        guardLock.lock()
        guard state.closing == nil else {
            guardLock.unlock()
            return
        }
        let change = limit - state.limit
        state.setLimit(limit)
        let paid = min(debt, max(0, change))
        debt -= paid
        let claimed = dismissed()
        unlockCovering()
        claimed.unparkAll()
        if change > paid { places.release(change - paid) }
        for _ in 0..<max(0, -change) where !places.tryAcquire() {
            guardLock.withLock { debt += 1 }
        }
    }

    /// Takes no more work.
    func close(cancellingQueued: Bool) {
        end(as: .shutDown, dropping: cancellingQueued) { $0.cancel() }
    }

    /// Takes no more work, and fails the waiting work.
    private func fail(_ reason: String) {
        let error = ThreadPoolError.broken(reason: reason)
        end(as: .broken(reason: reason), dropping: true) { work in
            if work.refuse(error) { self.places.release() }
        }
    }

    private func end(
        as closing: PoolState<WaiterStack, PoolWork>.Closing, dropping: Bool,
        _ drop: (PoolWork) -> Void
    ) {
        guardLock.lock()
        let isFirst = state.closing == nil
        state.close(as: closing)
        let dropped = dropping || state.limit == 0 ? state.takeAll() : []
        let claimed = dismissed()
        let isOver = state.isOver
        guardLock.unlock()
        claimed.unparkAll()
        if isOver { ended.set() }
        // The refusal goes from one caller that waits for a place to the next.
        if isFirst { places.release() }
        for work in dropped { drop(work) }
    }

    /// The idle workers that must end. Called under the lock.
    private func dismissed() -> ClaimedWaiters {
        var claimed = ClaimedWaiters()
        while let worker = state.dismiss() { claimed.append(worker) }
        return claimed
    }
}
