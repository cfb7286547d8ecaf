import PlaitStrands
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct ConditionConformance {
    /// A condition, and whether the caller holds its lock (or anyone, if the lock cannot tell).
    struct Subject: Sendable {
        enum Over: CaseIterable, Sendable { case lock, recursiveLock }

        let condition: Condition
        let isHeld: @Sendable () -> Bool

        init(_ over: Over) {
            switch over {
            case .lock:
                let lock = Lock()
                condition = Condition(lock: lock)
                isHeld = { lock.isLocked }
            case .recursiveLock:
                let lock = RLock()
                condition = Condition(lock: lock)
                isHeld = { lock.depth == 1 }
            }
        }

        enum Ending: Sendable { case notified, timedOut, cancelled }

        /// Starts one that takes the lock, waits, and says how that ended.
        func wait(
            _ kind: WaiterKind, within limit: Duration? = nil,
            onEnd: @escaping @Sendable () -> Void = {}
        ) -> Started<Ending> {
            kind.start(
                {
                    try condition.acquire()
                    defer { condition.release() }
                    var ending = Ending.cancelled
                    do {
                        ending = try condition.wait(within: limit) ? .notified : .timedOut
                    } catch is CancellationError {}
                    #expect(isHeld())
                    onEnd()
                    return ending
                },
                task: {
                    try await condition.acquire()
                    defer { condition.release() }
                    var ending = Ending.cancelled
                    do {
                        ending = try await condition.wait(within: limit) ? .notified : .timedOut
                    } catch is CancellationError {}
                    #expect(isHeld())
                    onEnd()
                    return ending
                })
        }
    }

    // AS-121, AS-126
    @Test(arguments: WaiterKind.allCases, Subject.Over.allCases)
    func `a notification wakes as many as it says, oldest first, one after another`(
        _ kind: WaiterKind, _ over: Subject.Over
    ) async throws {
        let subject = Subject(over)
        let condition = subject.condition
        let ended = Box<[Int]>([])
        var waiters: [Started<Subject.Ending>] = []
        for number in 0..<6 {
            let waiter = subject.wait(kind, onEnd: { ended.update { $0.append(number) } })
            try await waiter.untilParked()
            waiters.append(waiter)
        }
        #expect(ended.value == [])
        try await condition.acquire()
        condition.notify(2)
        for waiter in waiters[0..<2] { try await waiter.untilParked() }
        // They were woken, and wait for the lock.
        #expect(ended.value == [])
        condition.release()
        for waiter in waiters[0..<2] { #expect(try await waiter.value() == .notified) }
        #expect(ended.value.sorted() == [0, 1])
        try await condition.withLock { condition.notify() }
        #expect(try await waiters[2].value() == .notified)
        #expect(ended.value.sorted() == [0, 1, 2])
        try await condition.withLock { condition.notifyAll() }
        for waiter in waiters[3...] { #expect(try await waiter.value() == .notified) }
        #expect(ended.value.sorted() == Array(0..<6))
        // Nobody is left to be notified.
        try await condition.withLock { condition.notify(10) }
    }

    @Test(arguments: WaiterKind.pairs, Subject.Over.allCases)
    func `a waiter is notified by any kind`(
        _ kinds: (WaiterKind, WaiterKind), _ over: Subject.Over
    ) async throws {
        let subject = Subject(over)
        let condition = subject.condition
        let waiting = subject.wait(kinds.0)
        try await waiting.untilParked()
        try await kinds.1.start(
            { condition.withLock { condition.notify() } },
            task: { try await condition.withLock { condition.notify() } }
        ).value()
        #expect(try await waiting.value() == .notified)
        #expect(condition.tryAcquire())
        condition.release()
    }

    // TH-023, AS-130
    @Test(arguments: WaiterKind.allCases, Subject.Over.allCases)
    func `a wait that times out has the lock again, and is not notified later`(
        _ kind: WaiterKind, _ over: Subject.Over
    ) async throws {
        let subject = Subject(over)
        let condition = subject.condition
        #expect(try await subject.wait(kind, within: .milliseconds(1)).value() == .timedOut)
        #expect(try await subject.wait(kind, within: .zero).value() == .timedOut)
        // Those who gave up are not in the way of who comes later.
        let waiting = subject.wait(kind)
        try await waiting.untilParked()
        try await condition.withLock { condition.notify() }
        #expect(try await waiting.value() == .notified)
        #expect(condition.tryAcquire())
        condition.release()
    }

    // TH-024, AS-125
    @Test(arguments: WaiterKind.allCases, Subject.Over.allCases)
    func `a predicate is tested at each notification, until it holds`(
        _ kind: WaiterKind, _ over: Subject.Over
    ) async throws {
        let condition = Subject(over).condition
        let (state, tests) = (Box(0), Box(0))
        @Sendable func isFour() -> Bool {
            tests.update { $0 += 1 }
            return state.value == 4
        }
        let waiting = kind.start(
            {
                try condition.acquire()
                defer { condition.release() }
                try condition.wait(for: isFour)
                return try condition.wait(for: isFour, within: .seconds(60))
            },
            task: {
                try await condition.acquire()
                defer { condition.release() }
                try await condition.wait(for: isFour)
                return try await condition.wait(for: isFour, within: .seconds(60))
            })
        for round in 1...4 {
            // Who tests holds the lock until it waits again.
            try await until { tests.value == round }
            try await condition.withLock {
                state.update { $0 += 1 }
                condition.notify()
            }
        }
        #expect(try await waiting.value())
        #expect(tests.value == 6)
    }

    @Test(arguments: WaiterKind.allCases)
    func `a lock that is held several times deep is given back, and as deep again afterwards`(
        _ kind: WaiterKind
    ) async throws {
        let lock = RLock()
        let condition = Condition(lock: lock)
        let waiting = kind.start(
            {
                for _ in 0..<3 { try condition.acquire() }
                try condition.wait()
                #expect(lock.depth == 3)
                #expect(try !condition.wait(within: .milliseconds(1)))
                #expect(lock.depth == 3)
                for _ in 0..<3 { condition.release() }
            },
            task: {
                for _ in 0..<3 { try await condition.acquire() }
                try await condition.wait()
                #expect(lock.depth == 3)
                #expect(try await !condition.wait(within: .milliseconds(1)))
                #expect(lock.depth == 3)
                for _ in 0..<3 { condition.release() }
            })
        try await waiting.untilParked()
        #expect(!lock.isLocked)
        try await condition.withLock { condition.notify() }
        try await waiting.value()
        #expect(!lock.isLocked)
    }

    // MARK: Cancellation

    // AS-122, AS-131
    @Test(arguments: WaiterKind.allCases, Subject.Over.allCases)
    func `a cancelled wait takes the lock again before it says so`(
        _ kind: WaiterKind, _ over: Subject.Over
    ) async throws {
        let subject = Subject(over)
        let condition = subject.condition
        let hasEnded = Box(false)
        let waiting = subject.wait(kind, onEnd: { hasEnded.set(true) })
        try await waiting.untilParked()
        try await condition.acquire()
        waiting.cancel()
        // It waits for the lock now, which its cancellation cannot end.
        try await waiting.untilParked()
        #expect(!hasEnded.value)
        condition.release()
        #expect(try await waiting.value() == .cancelled)
        #expect(condition.tryAcquire())
        condition.release()
    }

    // AS-123, AS-124, AS-132
    @Test(arguments: WaiterKind.allCases, Subject.Over.allCases)
    func `one notified and cancelled while it takes the lock again, has it and says so`(
        _ kind: WaiterKind, _ over: Subject.Over
    ) async throws {
        let subject = Subject(over)
        let condition = subject.condition
        let hasEnded = Box(false)
        let waiting = subject.wait(kind, onEnd: { hasEnded.set(true) })
        try await waiting.untilParked()
        try await condition.acquire()
        condition.notify()
        try await waiting.untilParked()
        waiting.cancel()
        try await waiting.untilParked()
        #expect(!hasEnded.value)
        condition.release()
        #expect(try await waiting.value() == .cancelled)
        #expect(condition.tryAcquire())
        condition.release()
    }

    // AS-133
    @Test(arguments: WaiterKind.pairs, Subject.Over.allCases)
    func `a notification for one who was just cancelled goes to the next`(
        _ kinds: (WaiterKind, WaiterKind), _ over: Subject.Over
    ) async throws {
        let subject = Subject(over)
        let condition = subject.condition
        for round in 0..<10 {
            let first = subject.wait(kinds.0)
            try await first.untilParked()
            let second = subject.wait(kinds.1)
            try await second.untilParked()
            try await condition.acquire()
            if round % 2 == 0 { first.cancel() }
            condition.notify()
            if round % 2 == 1 { first.cancel() }
            condition.release()
            if try await first.value() == .notified {
                // It was quicker than its cancellation.
                try await condition.withLock { condition.notify() }
            }
            // Nobody else would wake it.
            #expect(try await second.value() == .notified)
        }
    }

    // AS-134
    @Test(arguments: WaiterKind.pairs, Subject.Over.allCases)
    func `one cancelled while it takes the lock again passes its notification on`(
        _ kinds: (WaiterKind, WaiterKind), _ over: Subject.Over
    ) async throws {
        let subject = Subject(over)
        let condition = subject.condition
        let first = subject.wait(kinds.0)
        try await first.untilParked()
        let second = subject.wait(kinds.1)
        try await second.untilParked()
        let third = subject.wait(kinds.0)
        try await third.untilParked()
        try await condition.acquire()
        condition.notify()
        try await first.untilParked()
        first.cancel()
        try await first.untilParked()
        condition.release()
        #expect(try await first.value() == .cancelled)
        #expect(try await second.value() == .notified)
        // It was one notification.
        third.cancel()
        #expect(try await third.value() == .cancelled)
    }

    @Test(arguments: WaiterKind.allCases)
    func `one cancelled while it takes the lock again after its limit, says cancelled`(
        _ kind: WaiterKind
    ) async throws {
        let lock = RLock()
        let condition = Condition(lock: lock)
        let (mayWait, mayRelease) = (Event(), Event())
        let limit = Duration.milliseconds(1)
        let waiting = kind.start(
            {
                try condition.acquire()
                try mayWait.wait()
                #expect(throws: CancellationError.self) { try condition.wait(within: limit) }
                #expect(lock.depth == 1)
                condition.release()
            },
            task: {
                try await condition.acquire()
                try await mayWait.wait()
                await #expect(throws: CancellationError.self) {
                    try await condition.wait(within: limit)
                }
                #expect(lock.depth == 1)
                condition.release()
            })
        try await waiting.untilParked()
        let holding = WaiterKind.thread.start(
            {
                try lock.acquire()
                try mayRelease.wait()
                lock.release()
            }, task: {})
        try await holding.untilParked()
        // Old enough to be handed the lock, before the waiter's limit has passed.
        let parked = ContinuousClock.now
        try await until { parked.duration(to: .now) > limit * 2 }
        mayWait.set()
        let begun = ContinuousClock.now
        try await until { begun.duration(to: .now) > limit * 4 }
        waiting.cancel()
        mayRelease.set()
        try await waiting.value()
        try await holding.value()
        #expect(!lock.isLocked)
    }
}
