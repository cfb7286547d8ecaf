internal import DequeModule
internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

// How the pool takes answers and tells their waiters.
extension PoolCore {
    /// A done item whose waiters have not been told yet.
    struct Ended {
        let item: PoolItem
        let ending: PoolItem.Ending
        /// The turn of its callbacks.
        let turn: UInt64?

        /// Whether telling runs no user code except callbacks.
        var isPlain: Bool {
            switch ending {
            case .answer(let bytes): item.isPlain && Answer.isValue(bytes)
            case .failure: true
            }
        }
    }

    /// Notes that an item is done; the caller tells its waiters. Called under the lock.
    func note(_ item: PoolItem, _ ending: PoolItem.Ending) -> Ended {
        untold += 1
        return Ended(
            item: item, ending: ending, turn: item.hasCallbacks ? callbacks.takeTurn() : nil)
    }

    /// Tells the waiters how items ended.
    /// - Parameter isHelping: Whether a caller's strand does this. The pool's own strands run no
    ///   user code, which might wait for the pool.
    func tell(_ ended: [Ended], isHelping: Bool = false) {
        var others: [Ended] = []
        for one in ended {
            if isHelping || one.isPlain { tell(one) } else { others.append(one) }
        }
        noteTold(ended.count - others.count)
        guard !others.isEmpty else { return }
        let rest = others
        let fiber = spawn(.fiber, name: "decoding", isDaemon: true) {
            for one in rest { self.tell(one) }
            self.noteTold(rest.count)
        }
        // If there is no memory for a fiber, tell the waiters here, so that nothing is lost.
        if !fiber.isAlive { tell(rest, isHelping: true) }
    }

    private func tell(_ one: Ended) {
        callbacks.call(one.item.end(one.ending), turn: one.turn)
    }

    private func noteTold(_ count: Int) {
        guard count > 0 else { return }
        let mayBeOver = guardLock.withLock {
            untold -= count
            return closing != nil && untold == 0
        }
        if mayBeOver { endIfOver() }
    }

    // MARK: Taking

    func takeAnswers() throws {
        while true {
            let hasSome = guardLock.withLock { workers.contains { !$0.memory.answers.isEmpty } }
            if !hasSome {
                setSleeping(true)
                if guardLock.withLock({ workers.allSatisfy { $0.memory.answers.isEmpty } }) {
                    try sleep()
                }
            }
            drain()
            Strand.yield()
        }
    }

    private func sleep() throws {
        do {
            _ = try Strand.waitReadable(done.number, until: .never)
        } catch is SystemError {
            // The system has no resources for a wait just now.
            try Strand.sleep(for: .milliseconds(5))
        }
        drainEventCounter(done.number)
    }

    private func setSleeping(_ sleeps: Bool) {
        guardLock.withLock {
            for worker in workers { worker.memory.answers.consumerWillSleep(sleeps) }
        }
    }

    /// Takes all answers that are there.
    /// - Parameter isHelping: See ``tell(_:isHelping:)``.
    func drain(isHelping: Bool = false) {
        var ended: [Ended] = []
        var large: [PoolWorker] = []
        guardLock.lock()
        for worker in workers { take(from: worker, &ended, &large) }
        completed += ended.count
        let given = ended.isEmpty ? nil : distribute()
        let woken = ended.isEmpty ? [] : workers
        guardLock.unlock()
        for worker in woken { worker.wake() }
        if let given { send(given) }
        for worker in large { worker.announced.release() }
        guard !ended.isEmpty else { return }
        places.release(ended.count)
        tell(ended, isHelping: isHelping)
    }

    /// Takes one answer of a worker. Called under the lock.
    private func take(
        from worker: PoolWorker, _ ended: inout [Ended], _ large: inout [PoolWorker]
    ) {
        var count = 0
        do throws(MessageRing.Corrupt) {
            while worker.arriving == nil, let (kind, _, message) = try worker.memory.answers.read()
            {
                guard let item = worker.sent.first else { throw MessageRing.Corrupt() }
                if kind == WorkerMemory.Answers.large {
                    worker.arriving = PoolWorker.Arrival(item)
                    large.append(worker)
                } else {
                    worker.sent.removeFirst()
                    ended.append(note(item, .answer(message)))
                    count += 1
                }
            }
        } catch {
            // The worker has overwritten its shared memory. Killing it ends its item.
            worker.launch.child.kill()
        }
        if count > 0 { worker.noteAnswers(count) }
    }

    // MARK: Values that are too large for the shared memory

    /// Starts the two fibers that carry a worker's large inputs and answers, each in order.
    func startCouriers(of worker: PoolWorker) throws {
        worker.couriers.append(try startFiber("large inputs") { self.sendInputs(to: worker) })
        worker.couriers.append(try startFiber("large answers") { self.takeLarge(from: worker) })
    }

    private func sendInputs(to worker: PoolWorker) {
        while !Strand.current.isCancelled, (try? worker.outgoing.acquire()) != nil {
            guard let input = guardLock.withLock({ worker.largeInputs.popFirst() }) else {
                continue
            }
            // If the worker has died, its keeper notices.
            try? worker.launch.link.send(input)
        }
    }

    private func takeLarge(from worker: PoolWorker) {
        while !Strand.current.isCancelled, (try? worker.announced.acquire()) != nil {
            let answer = try? worker.launch.link.receive(atMost: .max)
            guardLock.lock()
            guard let arrival = worker.arriving.take() else {
                guardLock.unlock()
                continue
            }
            var ended: [Ended] = []
            var given = Given()
            // Otherwise the worker died meanwhile and its keeper handles the item, or the pool was
            // terminated.
            if let answer, worker.sent.first === arrival.item {
                worker.sent.removeFirst()
                worker.noteAnswers(1)
                completed += 1
                ended.append(note(arrival.item, .answer(answer)))
                given = distribute()
            }
            guardLock.unlock()
            // Kill a worker that is alive but sends invalid data, since nobody would ever ask it
            // again.
            if answer == nil { worker.launch.child.kill() }
            send(given)
            arrival.isOver.set()
            if !ended.isEmpty { places.release() }
            tell(ended)
            drain()
        }
    }
}
