internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

// The limits of items in time and memory.
extension PoolCore {
    /// The longest time between two checks while an item with a limit runs, in nanoseconds.
    private static let interval: UInt64 = 5_000_000

    /// Kills workers whose item runs too long or takes too much memory.
    func watchLimits() throws {
        while true {
            try watchIsWanted.wait()
            watchIsWanted.clear()
            while true {
                // Take answers first: a worker that has answered in time is not late.
                drain()
                guard let wait = killLate() else { break }
                // Other items may begin meanwhile.
                try Strand.sleep(for: .nanoseconds(Int64(wait)))
            }
        }
    }

    /// Kills late workers. Returns the nanoseconds until the next check; nil when there is nothing
    /// left to watch.
    private func killLate() -> UInt64? {
        let now = monotonicNow()
        let oversized = findOversized()
        guardLock.lock()
        var doomed: [ChildProcess] = []
        var nearest = Self.interval
        for worker in workers where !worker.isKilled {
            guard let item = worker.sent.first else { continue }
            let error: ProcessPoolError
            if let limit = item.limit, worker.end(after: limit) <= now {
                error = .timedOut(limit)
            } else if let most = plan.residentLimit,
                oversized.contains(where: { $0.worker === worker && $0.item === item })
            {
                error = .tooLarge(limit: most)
            } else {
                if let limit = item.limit { nearest = min(nearest, worker.end(after: limit) - now) }
                continue
            }
            worker.isKilled = true
            // A worker that has not begun its item hangs, but the item is not to blame.
            if worker.hasBegunFirst { worker.condemned = (item, error) }
            doomed.append(worker.launch.child)
        }
        let isOver = pending.isEmpty && workers.allSatisfy { $0.sent.isEmpty }
        if isOver { isWatching = false }
        guardLock.unlock()
        for child in doomed { child.kill() }
        return isOver ? nil : nearest
    }

    /// The workers that have too much memory while they run an item. Called without the lock, since
    /// it makes system calls.
    private func findOversized() -> [(worker: PoolWorker, item: PoolItem)] {
        guard let most = plan.residentLimit else { return [] }
        let running = guardLock.withLock {
            workers.compactMap { worker in
                worker.hasBegunFirst ? worker.sent.first.map { (worker, $0) } : nil
            }
        }
        return running.filter { worker, _ in
            (Processes.residentBytes(of: worker.launch.child.pid) ?? 0) > most
        }
    }
}

extension PoolWorker {
    /// When the first of its items will have run for `limit`.
    fileprivate func end(after limit: Duration) -> UInt64 {
        Deadline(nanoseconds: headSince).advanced(by: limit.nanosecondsClamped).nanoseconds
    }
}
