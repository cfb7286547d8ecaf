import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct FutureTests {
    struct Failure: Error, Equatable { let number: Int }

    /// A future in each of the states that Python tells apart, with the promise that keeps it so.
    private struct Case {
        let promise = Promise<Int>()
        var future: Future<Int> { promise.future }

        static func pending() -> Case { Case() }
        static func running() throws -> Case {
            let made = Case()
            #expect(try made.promise.begin())
            return made
        }
        static func cancelled() -> Case {
            let made = Case()
            #expect(made.future.cancel())
            return made
        }
        static func cancelledAndNotified() throws -> Case {
            let made = cancelled()
            #expect(try !made.promise.begin())
            return made
        }
        static func failed() throws -> Case {
            let made = Case()
            try made.promise.fail(Failure(number: 5))
            return made
        }
        static func successful() throws -> Case {
            let made = Case()
            try made.promise.fulfil(42)
            return made
        }

        static func all() throws -> [Case] {
            try [
                pending(), running(), cancelled(), cancelledAndNotified(), failed(), successful(),
            ]
        }
    }

    // FU-028, FU-029
    @Test func `each state says what it is`() throws {
        let cases = try Case.all()
        #expect(cases.map(\.future.isCancelled) == [false, false, true, true, false, false])
        #expect(cases.map(\.future.isRunning) == [false, true, false, false, false, false])
        #expect(cases.map(\.future.isDone) == [false, false, true, true, true, true])
    }

    // FU-027
    @Test func `cancelling succeeds when pending or cancelled, else changes nothing`() throws {
        let cases = try Case.all()
        let before = cases.map { "\($0.future)" }
        #expect(cases.map { $0.future.cancel() } == [true, false, true, true, false, false])
        #expect(cases.map(\.future.isCancelled) == [true, false, true, true, false, false])
        #expect(cases.dropFirst().map { "\($0.future)" } == Array(before[1...]))
    }

    // FU-030
    @Test func `a result that is not waited for is there or is not`() async throws {
        let outcomes = try await onThread {
            try Case.all().map { made in
                do {
                    return "\(try made.future.result(within: .zero))"
                } catch {
                    return "\(error)"
                }
            }
        }
        let expected: [any Sendable] = [
            TimedOut("result of a future"), TimedOut("result of a future"), FutureError.cancelled,
            FutureError.cancelled, Failure(number: 5), 42,
        ]
        #expect(outcomes == expected.map { "\($0)" })
    }

    @Test func `an error is nil, there, or thrown as none`() async throws {
        try await onThread {
            let cases = try Case.all()
            for made in cases[0...1] {
                #expect(throws: TimedOut.self) { try made.future.error(within: .zero) }
            }
            for made in cases[2...3] {
                #expect(throws: FutureError.cancelled) { try made.future.error(within: .zero) }
            }
            #expect(try cases[4].future.error() as? Failure == Failure(number: 5))
            #expect(try cases[5].future.error() == nil)
        }
    }

    // FU-026
    @Test func `its text shows the state, and the type of its value or error`() throws {
        #expect(
            try Case.all().map { "\($0.future)" } == [
                "Future pending", "Future running", "Future cancelled", "Future cancelled",
                "Future finished, threw Failure", "Future finished, returned Int",
            ])
    }

    // FU-032, FU-033
    @Test func `a second result is refused and the first stays`() async throws {
        let value = try Case.successful()
        #expect(throws: FutureError.alreadyDone) { try value.promise.fulfil(84) }
        #expect(throws: FutureError.alreadyDone) { try value.promise.fail(Failure(number: 1)) }
        #expect(throws: FutureError.alreadyDone) { try value.promise.begin() }
        #expect(try await value.future.result() == 42)
        let error = try Case.failed()
        #expect(throws: FutureError.alreadyDone) { try error.promise.fail(Failure(number: 1)) }
        #expect(throws: FutureError.alreadyDone) { try error.promise.fulfil(84) }
        await #expect(throws: Failure(number: 5)) { try await error.future.result() }
        let cancelled = Case.cancelled()
        #expect(throws: FutureError.alreadyDone) { try cancelled.promise.fulfil(84) }
        #expect(cancelled.future.isCancelled)
    }

    @Test func `a promise that goes fails its future, so that nobody waits for ever`() async throws
    {
        var promise: Promise<Int>? = Promise()
        let future = try #require(promise).future
        let waiting = spawn(.thread) { try future.result() }
        promise = nil
        await #expect(throws: FutureError.abandoned) { try await waiting.join() }
        #expect(promise == nil && future.isDone)
    }

    @Test func `work that begins twice traps`() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let promise = Promise<Int>()
            _ = try promise.begin()
            _ = try promise.begin()
        }
        #expect(text(of: result).contains("begin of a promise whose work runs already"))
    }

    // MARK: Callbacks

    /// What a callback saw, when it is added before the end.
    private func seen(_ end: (Promise<Int>) throws -> Void) throws -> [String] {
        let promise = Promise<Int>()
        let seen = Box<[String]>([])
        promise.future.onCompletion { future in seen.update { $0.append("\(future)") } }
        #expect(seen.value == [])
        try end(promise)
        return seen.value
    }

    // FU-020, FU-021, FU-022
    @Test func `a callback that was added before sees the end`() throws {
        #expect(try seen { try $0.fulfil(5) } == ["Future finished, returned Int"])
        #expect(try seen { try $0.fail(Failure(number: 1)) } == ["Future finished, threw Failure"])
        #expect(try seen { $0.future.cancel() } == ["Future cancelled"])
    }

    // FU-024
    @Test func `a callback that is added after the end runs at once`() throws {
        for made in try Case.all().dropFirst(2) {
            let runs = Box(0)
            made.future.onCompletion { _ in runs.update { $0 += 1 } }
            #expect(runs.value == 1)
        }
    }

    @Test
    func `whoever finishes it for a pool wakes waiters, and may leave its callbacks to another`()
        async throws
    {
        let promise = Promise<Int>()
        let seen = Box<[Int]>([])
        promise.future.onCompletion { future in
            let value = try future.result()
            seen.update { $0.append(value) }
        }
        let waiting = spawn(.thread) { try promise.future.result() }
        #expect(promise.future.hasCallbacks)
        let callbacks = promise.finish(with: .success(3))
        let value = try await waiting.join()
        #expect(value == 3 && seen.value == [])
        callbacks?()
        #expect(seen.value == [3])
        #expect(promise.finish(with: .success(4)) == nil)
        let lonely = Promise<Int>()
        #expect(!lonely.future.hasCallbacks && lonely.finish(with: .success(5)) == nil)
    }

    @Test func `whoever begins it under a lock unparks the waiters after`() throws {
        let (promise, cancelled) = (Promise<Int>(), Promise<Int>())
        var claimed = ClaimedWaiters()
        #expect(promise.begin(claiming: &claimed) && promise.future.isRunning)
        #expect(!promise.begin(claiming: &claimed) && !promise.future.cancel())
        #expect(cancelled.future.cancel() && !cancelled.begin(claiming: &claimed))
        claimed.unparkAll()
        try promise.fulfil(1)
        #expect(try promise.future.result() == 1)
    }

    @Test func `a callback may use the future it is called for`() async throws {
        let promise = Promise<Int>()
        let results = Box<[Int]>([])
        promise.future.onCompletion { future in
            future.onCompletion { _ in results.update { $0.append(2) } }
            #expect(!future.cancel())
            results.update { $0.append(1) }
        }
        try promise.fulfil(1)
        #expect(results.value == [2, 1])
    }
}

// Of that suite, whose tests run one after another: the handler is the process's.
extension UncaughtErrorsTests {
    /// The errors of callbacks that are reported while `body` runs.
    private func callbackErrors(_ body: () throws -> Void) rethrows -> [FutureTests.Failure] {
        let reported = Box<[FutureTests.Failure]>([])
        UncaughtErrors.handle { error, _ in
            if let failure = error as? FutureTests.Failure {
                reported.update { $0.append(failure) }
            }
        }
        defer { UncaughtErrors.handle(nil) }
        try body()
        return reported.value
    }

    // FU-023
    @Test func `an error in one callback is reported, and the others run, in order`() throws {
        let promise = Promise<Int>()
        let order = Box<[Int]>([])
        for number in 1...4 {
            promise.future.onCompletion { _ in
                order.update { $0.append(number) }
                if number.isMultiple(of: 2) { throw FutureTests.Failure(number: number) }
            }
        }
        let reported = try callbackErrors { try promise.fulfil(1) }
        #expect(order.value == [1, 2, 3, 4])
        #expect(reported == [FutureTests.Failure(number: 2), FutureTests.Failure(number: 4)])
    }

    // FU-025
    @Test func `an error in a callback that runs at once is reported, not thrown`() throws {
        let promise = Promise<Int>()
        try promise.fulfil(1)
        let reported = callbackErrors {
            promise.future.onCompletion { _ in throw FutureTests.Failure(number: 9) }
        }
        #expect(reported == [FutureTests.Failure(number: 9)])
    }

    @Test func `without a handler it is logged with the future`() async {
        let result = await #expect(
            processExitsWith: .success,
            observing: [\.standardErrorContent, \.standardOutputContent]
        ) {
            let promise = Promise<Int>()
            promise.future.onCompletion { _ in throw FutureTests.Failure(number: 3) }
            try promise.fulfil(1)
        }
        let output = text(
            (result?.standardErrorContent ?? []) + (result?.standardOutputContent ?? []))
        #expect(output.contains("a callback of Future finished, returned Int threw"))
        #expect(output.contains("Failure(number: 3)"))
    }
}
