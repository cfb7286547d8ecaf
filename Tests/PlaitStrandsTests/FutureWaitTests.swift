import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct FutureWaitTests {
    struct Failure: Error {}

    /// Promises, and what is done with them.
    private func promises(_ count: Int) -> [Promise<Int>] { (0..<count).map { _ in Promise() } }

    private func places(_ futures: [Future<Int>], in promises: [Promise<Int>]) -> [Int] {
        futures.compactMap { future in promises.firstIndex { $0.future === future } }
    }

    // FU-061
    @Test(arguments: FutureCondition.allCases)
    func `a future that is given twice counts once`(_ condition: FutureCondition) async throws {
        let promises = promises(2)
        try promises[0].fulfil(1)
        try promises[1].fulfil(1)
        let futures = promises.map(\.future)
        let split = try await Future.wait(for: condition, of: futures + futures)
        #expect(places(split.done, in: promises) == [0, 1])
        #expect(split.notDone.isEmpty)
    }

    // FU-062
    @Test func `the first that is done already ends a wait for it at once`() async throws {
        let promises = promises(3)
        try promises[1].fulfil(1)
        #expect(promises[2].future.cancel())
        let split = try await Future.wait(for: .firstCompleted, of: promises.map(\.future))
        #expect(places(split.done, in: promises) == [1, 2])
        #expect(places(split.notDone, in: promises) == [0])
    }

    // FU-063
    @Test func `one that has failed already ends a wait for an error at once`() async throws {
        let promises = promises(2)
        try promises[1].fail(Failure())
        let split = try await Future.wait(for: .firstError, of: promises.map(\.future))
        #expect(places(split.done, in: promises) == [1])
        #expect(places(split.notDone, in: promises) == [0])
    }

    @Test func `a value or a cancelled future do not end a wait for an error`() async throws {
        let promises = promises(3)
        let waiting = Task { [futures = promises.map(\.future)] in
            try await Future.wait(for: .firstError, of: futures)
        }
        try promises[0].fulfil(1)
        promises[1].future.cancel()
        let early = try await Future.wait(
            for: .firstError, of: promises.map(\.future), within: .milliseconds(1))
        #expect(places(early.done, in: promises) == [0, 1])
        try promises[2].fail(Failure())
        #expect(places(try await waiting.value.done, in: promises) == [0, 1, 2])
    }

    @Test func `an error that never comes ends with the last future`() async throws {
        let promises = promises(2)
        for promise in promises { try promise.fulfil(1) }
        let split = try await Future.wait(for: .firstError, of: promises.map(\.future))
        #expect(split.done.count == 2)
    }

    // FU-065
    @Test(arguments: [Duration.zero, .milliseconds(1)])
    func `past the limit the split is returned, without an error`(_ limit: Duration) async throws {
        let promises = promises(3)
        try promises[2].fulfil(1)
        let futures = promises.map(\.future)
        let split = try await Future.wait(of: futures, within: limit)
        #expect(places(split.done, in: promises) == [2])
        #expect(places(split.notDone, in: promises) == [0, 1])
    }

    @Test func `a wait for none is over`() async throws {
        let split = try await Future<Int>.wait(of: [])
        #expect(split.done.isEmpty && split.notDone.isEmpty)
        #expect(try await Future<Int>.asCompleted([]).next() == nil)
    }

    // GV-141, GV-142
    @Test func `while a fiber waits for several, the others of its hub run`() async throws {
        try await onThread {
            let promises = promises(2)
            let order = Box<[Int]>([])
            let waiting = spawn(.fiber) {
                let split = try Future.wait(of: promises.map(\.future))
                order.update { $0.append(split.done.count) }
            }
            let other = spawn(.fiber) {
                for promise in promises {
                    Strand.yield()
                    order.update { $0.append(0) }
                    try promise.fulfil(1)
                }
            }
            try waiting.join()
            try other.join()
            #expect(order.value == [0, 0, 2])
        }
    }

    // MARK: In the order of completion

    @Test func `they come in the order of completion`() async throws {
        let promises = promises(4)
        try promises[2].fulfil(1)
        let completed = Future.asCompleted(promises.map(\.future))
        for number in [1, 3, 0] { try promises[number].fulfil(1) }
        var order: [Future<Int>] = []
        for try await future in completed { order.append(future) }
        #expect(places(order, in: promises) == [2, 1, 3, 0])
    }

    // FU-006
    @Test func `one that is given twice comes once`() async throws {
        let promises = promises(1)
        try promises[0].fulfil(1)
        let future = promises[0].future
        let completed = Future.asCompleted([future, future])
        #expect(try await completed.next() === future)
        #expect(try await completed.next() == nil)
    }

    // FU-005, FU-008
    @Test(arguments: [Duration.zero, .milliseconds(1)])
    func `past the limit the finished ones come, then an error that counts the others`(
        _ limit: Duration
    ) async throws {
        let promises = promises(4)
        try promises[0].fulfil(1)
        #expect(promises[3].future.cancel())
        let completed = Future.asCompleted(promises.map(\.future), within: limit)
        var order: [Future<Int>] = []
        let error = await #expect(throws: TimedOut.self) {
            for try await future in completed { order.append(future) }
        }
        #expect(places(order, in: promises) == [0, 3])
        #expect(error?.verb == "wait for 4 futures (2 unfinished)")
    }

    @Test func `one that comes after the limit may be asked for yet`() async throws {
        let promises = promises(1)
        let completed = Future.asCompleted(promises.map(\.future), within: .zero)
        await #expect(throws: TimedOut.self) { try await completed.next() }
        try promises[0].fulfil(1)
        #expect(try await completed.next() === promises[0].future)
        #expect(try await completed.next() == nil)
    }

    // FU-007
    @Test func `futures that were given out are not kept, nor is anything by those unfinished`()
        async throws
    {
        weak var given: Future<Int>?
        weak var dropped: CompletedFutures<Int>?
        let (first, second) = (Box<Promise<Int>?>(Promise()), Promise<Int>())
        var completed: CompletedFutures<Int>? = Future.asCompleted(
            [first.value, second].compactMap { $0?.future })
        dropped = completed
        given = first.value?.future
        try first.value?.fulfil(1)
        first.set(nil)
        #expect(given != nil)
        do { #expect(try await completed?.next()?.result() == 1) }
        #expect(given == nil)
        completed = nil
        #expect(dropped == nil)
        try second.fulfil(1)
    }
}
