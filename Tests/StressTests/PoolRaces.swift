import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

extension Stress {
    /// Futures that end while others give up on them, and pools that end while they are used.
    @Suite(.serialized)
    struct PoolRaces {
        // FU-066
        @Test(arguments: WaiterKind.allCases)
        func `a hundred futures that end at once lose no wakeup`(_ kind: WaiterKind) async throws {
            let pool = ThreadPool(workers: 8)
            for round in 0..<Stress.rounds(400) {
                let start = Event()
                let futures = try await pool.futures(100, after: start)
                let waiting = [FutureCondition.all, .firstCompleted, .firstError].map { condition in
                    kind.start(
                        usesPool: true,
                        { try Future.wait(for: condition, of: futures).done.count },
                        task: { try await Future.wait(for: condition, of: futures).done.count })
                }
                let ordered = kind.start(
                    usesPool: true,
                    {
                        let completed = Future.asCompleted(futures)
                        var count = 0
                        while try completed.next() != nil { count += 1 }
                        return count
                    },
                    task: {
                        var count = 0
                        for try await _ in Future.asCompleted(futures) { count += 1 }
                        return count
                    })
                Stress.dawdle(round)
                start.set()
                #expect(try await waiting[0].value() == 100)
                #expect(try await waiting[1].value() >= 1)
                #expect(try await waiting[2].value() == 100)
                #expect(try await ordered.value() == 100)
            }
            await pool.shutDown()
        }

        @Test(arguments: WaiterKind.pairs)
        func `a result is there for who waits, whoever gives up beside him`(
            _ hasty: WaiterKind, _ patient: WaiterKind
        ) async throws {
            let rounds = Stress.rounds(3_000)
            let promises = (0..<rounds).map { _ in Promise<Int>() }
            let given = Count()
            let hasties = hasty.start(
                usesPool: true,
                {
                    for (round, promise) in promises.enumerated() {
                        given.add()
                        do {
                            _ = try promise.future.result(within: Stress.limit(round))
                        } catch is TimedOut {}
                        if round % 3 == 0 {
                            _ = try Future.wait(
                                of: [promise.future], within: Stress.limit(round / 3))
                        }
                    }
                },
                task: {
                    for (round, promise) in promises.enumerated() {
                        given.add()
                        do {
                            _ = try await promise.future.result(within: Stress.limit(round))
                        } catch is TimedOut {}
                        if round % 3 == 0 {
                            _ = try await Future.wait(
                                of: [promise.future], within: Stress.limit(round / 3))
                        }
                    }
                })
            let patients = patient.start(
                usesPool: true,
                { try promises.reduce(0) { try $0 + $1.future.result() } },
                task: {
                    var sum = 0
                    for promise in promises { sum += try await promise.future.result() }
                    return sum
                })
            let giver = WaiterKind.thread.start(
                {
                    for (round, promise) in promises.enumerated() {
                        while given.value <= round { Stress.pause() }
                        Stress.dawdle(round)
                        try promise.fulfil(1)
                    }
                }, task: {})
            try await hasties.value()
            #expect(try await patients.value() == rounds)
            try await giver.value()
        }

        @Test func `work runs or is cancelled, once, however its pool ends`() async throws {
            for round in 0..<Stress.rounds(600) {
                let pool = ThreadPool(
                    workers: 1 + round % 3, queueCapacity: round % 5, idleLimit: .nanoseconds(1))
                let (ran, given, cancelled) = (Count(), Count(), Count())
                let givers = (0..<3).map { number in
                    WaiterKind.allCases[number].start(
                        {
                            while let future = try? pool.submit({ ran.add() }) {
                                given.add()
                                if given.value % 4 == 0 { _ = future.cancel() }
                                future.onCompletion { if $0.isCancelled { cancelled.add() } }
                            }
                        },
                        task: {
                            while let future = try? await pool.submit({ ran.add() }) {
                                given.add()
                                if given.value % 4 == 0 { _ = future.cancel() }
                                future.onCompletion { if $0.isCancelled { cancelled.add() } }
                            }
                        })
                }
                while given.value < round % 20 { await Stress.pause() }
                Stress.dawdle(round)
                await pool.shutDown(cancellingQueued: round % 2 == 0)
                for giver in givers { try await giver.value() }
                #expect(ran.value + cancelled.value == given.value)
                #expect(pool.statistics.completed == ran.value)
                #expect(pool.statistics.threads == 0 && pool.statistics.queued == 0)
            }
        }

        @Test func `limits that change and workers that end leave no work`() async throws {
            let pool = ThreadPool(workers: 2, queueCapacity: 4, idleLimit: .microseconds(20))
            let done = Count()
            let rounds = Stress.rounds(200_000)
            let changer = WaiterKind.thread.start(
                {
                    var round = 0
                    while done.value < rounds {
                        pool.workers = [1, 3, 0, 2][round % 4]
                        Stress.dawdle(round)
                        Stress.pause()
                        round += 1
                    }
                }, task: {})
            for round in 0..<rounds {
                try await pool.submit { done.add() }
                if round % 100 == 0 { await Stress.pause() }
            }
            try await changer.value()
            #expect(done.value == rounds)
            pool.workers = 1
            await pool.shutDown()
            #expect(pool.statistics.completed == rounds)
        }

        @Test func `calls cancelled as they begin are run or given up, and no thread is lost`()
            async throws
        {
            let bulkhead = Bulkhead(limit: 1, queueCapacity: 2)
            let rounds = Stress.rounds(9_000)
            for kind in [WaiterKind.fiber, .thread, .task] {
                let (ran, returned) = (Count(), Count())
                for round in 0..<rounds / 3 {
                    let calls = (0..<3).map { _ in
                        kind.start(
                            usesPool: true,
                            {
                                try blocking(on: bulkhead) { ran.add() }
                                returned.add()
                            },
                            task: {
                                try await blocking(on: bulkhead) { ran.add() }
                                returned.add()
                            })
                    }
                    Stress.dawdle(round)
                    calls[round % 3].cancel()
                    for call in calls { try? await call.value() }
                }
                #expect(returned.value <= ran.value)
                #expect(ran.value >= rounds / 3 * 2)
            }
            #expect(try await blocking(on: bulkhead) { true })
            #expect(bulkhead.statistics.threads == 1 && bulkhead.statistics.queued == 0)
        }
    }
}

extension ThreadPool {
    /// So many futures, whose work waits for `start`, if it begins before.
    fileprivate func futures(_ count: Int, after start: Event) async throws -> [Future<Int>] {
        var futures: [Future<Int>] = []
        for number in 0..<count {
            futures.append(
                try await submit {
                    try start.wait()
                    return number
                })
        }
        return futures
    }
}
