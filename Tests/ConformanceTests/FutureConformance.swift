import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct FutureConformance {
    struct Failure: Error, Equatable {}

    @Test(arguments: WaiterKind.pairs)
    func `all who wait for a result get it`(
        _ worker: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let promise = Promise<Int>()
        let waiting = (0..<4).map { _ in
            waiter.start(
                { try promise.future.result(within: .seconds(3_600)) },
                task: { try await promise.future.result(within: .seconds(3_600)) })
        }
        for strand in waiting { try await strand.untilParked() }
        try await worker.start({ try promise.fulfil(42) }, task: { try promise.fulfil(42) }).value()
        for strand in waiting { #expect(try await strand.value() == 42) }
    }

    // FU-031
    @Test(arguments: WaiterKind.pairs)
    func `who waits for an error wakes when another finishes it`(
        _ worker: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let (good, bad) = (Promise<Int>(), Promise<Int>())
        let isGood = waiter.start(
            { try good.future.error() == nil }, task: { try await good.future.error() == nil })
        let isBad = waiter.start(
            { try bad.future.error() is Failure }, task: { try await bad.future.error() is Failure }
        )
        try await isGood.untilParked()
        try await isBad.untilParked()
        try await worker.start(
            {
                try good.fulfil(1)
                try bad.fail(Failure())
            },
            task: {
                try good.fulfil(1)
                try bad.fail(Failure())
            }
        ).value()
        #expect(try await isGood.value())
        #expect(try await isBad.value())
    }

    @Test(arguments: WaiterKind.pairs)
    func `cancelling the future wakes who waits`(
        _ canceller: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let promise = Promise<Int>()
        let waiting = waiter.start(
            { try promise.future.result() }, task: { try await promise.future.result() })
        try await waiting.untilParked()
        let isCancelled = try await canceller.start(
            { promise.future.cancel() }, task: { promise.future.cancel() }
        ).value()
        #expect(isCancelled)
        await #expect(throws: FutureError.cancelled) { try await waiting.value() }
    }

    // GV-127
    @Test(arguments: WaiterKind.allCases)
    func `past the limit a wait throws, and the future goes on`(_ kind: WaiterKind) async throws {
        let promise = Promise<Int>()
        func wait(_ limit: Duration) async throws -> Int {
            try await kind.start(
                { try promise.future.result(within: limit) },
                task: { try await promise.future.result(within: limit) }
            ).value()
        }
        for limit in [Duration.zero, .milliseconds(1)] {
            await #expect(throws: TimedOut.self) { try await wait(limit) }
        }
        try promise.fulfil(1)
        #expect(try await wait(.zero) == 1)
    }

    @Test(arguments: WaiterKind.pairs)
    func `cancelling one waiter leaves the future and the other waiter`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let promise = Promise<Int>()
        let first = cancelled.start(
            { try promise.future.result() }, task: { try await promise.future.result() })
        try await first.untilParked()
        let second = patient.start(
            { try promise.future.result() }, task: { try await promise.future.result() })
        try await second.untilParked()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value() }
        #expect(!promise.future.isDone)
        try promise.fulfil(7)
        #expect(try await second.value() == 7)
    }

    // FU-064
    @Test(arguments: WaiterKind.pairs)
    func `a wait for all ends with the last`(
        _ worker: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let promises = (0..<4).map { _ in Promise<Int>() }
        let futures = promises.map(\.future)
        let ended = Box(false)
        let waiting = waiter.start(
            {
                let split = try Future.wait(of: futures)
                ended.set(true)
                return [split.done.count, split.notDone.count]
            },
            task: {
                let split = try await Future.wait(of: futures)
                ended.set(true)
                return [split.done.count, split.notDone.count]
            })
        try await waiting.untilParked()
        for promise in promises {
            #expect(!ended.value)
            try await worker.start({ try promise.fulfil(1) }, task: { try promise.fulfil(1) })
                .value()
        }
        #expect(try await waiting.value() == [4, 0])
    }

    @Test(arguments: WaiterKind.allCases, [FutureCondition.firstCompleted, .firstError])
    func `a wait for one of several ends with it`(
        _ kind: WaiterKind, _ condition: FutureCondition
    ) async throws {
        let promises = (0..<3).map { _ in Promise<Int>() }
        let futures = promises.map(\.future)
        let waiting = kind.start(
            { try Future.wait(for: condition, of: futures).done.map { $0 === futures[1] } },
            task: {
                try await Future.wait(for: condition, of: futures).done.map { $0 === futures[1] }
            })
        try await waiting.untilParked()
        try promises[1].fail(Failure())
        #expect(try await waiting.value() == [true])
        withExtendedLifetime(promises) {}
    }

    @Test(arguments: WaiterKind.allCases)
    func `futures come in the order of completion`(_ kind: WaiterKind) async throws {
        let promises = (0..<3).map { _ in Promise<Int>() }
        let completed = Future.asCompleted(promises.map(\.future))
        let waiting = kind.start(
            {
                var order: [Int] = []
                while let future = try completed.next() { order.append(try future.result()) }
                return order
            },
            task: {
                var order: [Int] = []
                for try await future in completed { order.append(try await future.result()) }
                return order
            })
        try await waiting.untilParked()
        for number in [2, 0, 1] { try promises[number].fulfil(number) }
        #expect(try await waiting.value() == [2, 0, 1])
    }

    @Test(arguments: WaiterKind.allCases)
    func `one who is cancelled in between takes no future along`(_ kind: WaiterKind) async throws {
        let promise = Promise<Int>()
        let completed = Future.asCompleted([promise.future])
        let waiting = kind.start(
            { try completed.next() == nil }, task: { try await completed.next() == nil })
        try await waiting.untilParked()
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value() }
        try promise.fulfil(1)
        #expect(try await completed.next() === promise.future)
    }
}
