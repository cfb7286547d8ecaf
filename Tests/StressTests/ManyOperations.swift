import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Threads, fibers and tasks on one object, for ten million operations with `make stress`: up
    /// to two minutes each.
    @Suite(.serialized)
    struct ManyOperations {
        /// What nine strands do to one object, again and again.
        struct Trial: Sendable, CustomTestStringConvertible {
            let testDescription: String
            /// Operations of one step.
            let size: Int
            let step: @Sendable (Int) throws -> Void
            let taskStep: @Sendable (Int) async throws -> Void
            /// Whether nothing was lost, once all have ended.
            let isIntact: @Sendable () -> Bool
        }

        private static let trials = [
            lock, recursiveLock, readWriteLock, semaphore, boundedSemaphore, condition, event,
            queue(Queue<Int>(capacity: 4), "Queue"),
            queue(LifoQueue<Int>(capacity: 4), "LifoQueue"),
            queue(PriorityQueue<Int>(capacity: 4), "PriorityQueue"),
            channel, resourcePool,
        ]

        @Test(arguments: trials)
        func `nothing is lost`(_ trial: Trial) async throws {
            let kinds = (0..<3).flatMap { _ in WaiterKind.allCases }
            let steps =
                Stress.rounds(Stress.isLong ? 1_000_000 : 250_000) / trial.size / kinds.count + 1
            let done = Count()
            let strands = kinds.map { kind in
                kind.start(
                    usesPool: true,
                    {
                        for number in 0..<steps {
                            try trial.step(number)
                            done.add()
                        }
                    },
                    task: {
                        for number in 0..<steps {
                            try await trial.taskStep(number)
                            done.add()
                        }
                    })
            }
            for strand in strands { try await strand.value() }
            #expect(done.value == kinds.count * steps)
            #expect(trial.isIntact())
        }
    }
}

/// What a lock guards: counted without an atomic.
private final class Guarded: @unchecked Sendable {
    // Sendable: the lock of the trial guards it.
    private var value = 0
    private var isEntered = false
    private(set) var isBroken = false

    /// With the lock held, which is given up in between by none.
    func enter(_ number: Int) {
        if isEntered { isBroken = true }
        isEntered = true
        value += 1
        // Now and then long enough for others to queue.
        if number % 64 == 0 { Stress.dawdle(number) }
        isEntered = false
    }

    /// How often it was entered, if never by two at once.
    var count: Int? { isBroken ? nil : value }
}

extension Stress.ManyOperations {
    private static var lock: Trial {
        let (lock, guarded, entered) = (Lock(), Guarded(), Count())
        return Trial(testDescription: "Lock", size: 2) { number in
            lock.withLock { guarded.enter(number) }
            entered.add()
        } taskStep: { number in
            guard try await lock.acquire(within: number % 8 == 0 ? Stress.limit(number / 8) : nil)
            else { return }
            guarded.enter(number)
            lock.release()
            entered.add()
        } isIntact: {
            !lock.isLocked && guarded.count == entered.value
        }
    }

    private static var recursiveLock: Trial {
        let (lock, guarded, entered) = (RLock(), Guarded(), Count())
        return Trial(testDescription: "RLock", size: 4) { number in
            lock.withLock { lock.withLock { guarded.enter(number) } }
            entered.add()
        } taskStep: { number in
            try await lock.withLock { try await lock.withLock { guarded.enter(number) } }
            entered.add()
        } isIntact: {
            !lock.isLocked && guarded.count == entered.value
        }
    }

    private static var readWriteLock: Trial {
        let (lock, guarded, entered) = (ReadWriteLock(), Guarded(), Count())
        return Trial(testDescription: "ReadWriteLock", size: 2) { number in
            if number % 4 == 0 {
                lock.withWriteLock { guarded.enter(number) }
                entered.add()
            } else {
                lock.withReadLock { _ = guarded.isBroken }
            }
        } taskStep: { number in
            if number % 4 == 0 {
                try await lock.withWriteLock { guarded.enter(number) }
                entered.add()
            } else {
                try await lock.withReadLock { _ = guarded.isBroken }
            }
        } isIntact: {
            lock.readerCount == 0 && guarded.count == entered.value
        }
    }

    private static var semaphore: Trial {
        let semaphore = CountingSemaphore(permits: 3)
        let (inside, tooMany) = (Count(), Count())
        return Trial(testDescription: "CountingSemaphore", size: 2) { number in
            guard try semaphore.acquire(within: number % 8 == 0 ? Stress.limit(number / 8) : nil)
            else { return }
            inside.add()
            if inside.value > 3 { tooMany.add() }
            inside.add(-1)
            semaphore.release()
        } taskStep: { number in
            guard
                try await semaphore.acquire(
                    within: number % 8 == 0 ? Stress.limit(number / 8) : nil)
            else { return }
            inside.add()
            if inside.value > 3 { tooMany.add() }
            inside.add(-1)
            semaphore.release()
        } isIntact: {
            tooMany.value == 0 && semaphore.permits == 3
        }
    }

    private static var boundedSemaphore: Trial {
        let semaphore = BoundedSemaphore(permits: 1)
        let guarded = Guarded()
        let entered = Count()
        return Trial(testDescription: "BoundedSemaphore", size: 2) { number in
            try semaphore.acquire()
            guarded.enter(number)
            semaphore.release()
            entered.add()
        } taskStep: { number in
            try await semaphore.acquire()
            guarded.enter(number)
            semaphore.release()
            entered.add()
        } isIntact: {
            semaphore.permits == 1 && guarded.count == entered.value
        }
    }

    /// A token that is passed on: who finds none waits for it.
    private static var condition: Trial {
        final class Tokens: @unchecked Sendable {
            // Sendable: the condition's lock guards `free`.
            let condition = Condition()
            var free = 2
        }
        let tokens = Tokens()
        return Trial(testDescription: "Condition", size: 2) { _ in
            try tokens.condition.withLock {
                try tokens.condition.wait { tokens.free > 0 }
                tokens.free -= 1
            }
            tokens.condition.withLock {
                tokens.free += 1
                tokens.condition.notify()
            }
        } taskStep: { _ in
            try await tokens.condition.withLock {
                try await tokens.condition.wait { tokens.free > 0 }
                tokens.free -= 1
            }
            try await tokens.condition.withLock {
                tokens.free += 1
                tokens.condition.notify()
            }
        } isIntact: {
            tokens.free == 2
        }
    }

    private static var event: Trial {
        let event = Event()
        return Trial(testDescription: "Event", size: 3) { number in
            event.set()
            _ = try event.wait(within: Stress.limit(number))
            event.clear()
        } taskStep: { number in
            event.set()
            _ = try await event.wait(within: Stress.limit(number))
            event.clear()
        } isIntact: {
            !event.isSet
        }
    }

    private static func queue(_ queue: any IntQueue, _ name: String) -> Trial {
        let balance = Count()
        return Trial(testDescription: name, size: 2) { number in
            try queue.put(number)
            balance.add(number)
            balance.add(-(try queue.get()))
        } taskStep: { number in
            try await queue.put(number)
            balance.add(number)
            balance.add(-(try await queue.get()))
        } isIntact: {
            queue.isEmpty && balance.value == 0
        }
    }

    private static var channel: Trial {
        let channel = Channel<Int>(capacity: 2)
        let balance = Count()
        return Trial(testDescription: "Channel", size: 2) { number in
            try channel.send(number)
            balance.add(number)
            balance.add(-(try channel.receive()))
        } taskStep: { number in
            try await channel.send(number)
            balance.add(number)
            balance.add(-(try await channel.receive()))
        } isIntact: {
            channel.isEmpty && balance.value == 0
        }
    }

    private static var resourcePool: Trial {
        guard let pool = try? ResourcePool(maximum: 1, create: { Guarded() }) else {
            fatalError("a pool that makes nothing yet has failed")
        }
        let entered = Count()
        return Trial(testDescription: "ResourcePool", size: 2) { number in
            try pool.withResource { $0.enter(number) }
            entered.add()
        } taskStep: { number in
            let guarded = try await pool.get()
            guarded.enter(number)
            pool.put(guarded)
            entered.add()
        } isIntact: {
            pool.free == 1 && (try? pool.tryGet())?.count == entered.value
        }
    }
}
