import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct PoolMapTests {
    struct Failure: Error, Equatable {}

    /// Numbers, then an error if there is one.
    private func input(_ count: Int, _ error: (any Error)? = nil) -> AsyncThrowingStream<
        Int, any Error
    > {
        AsyncThrowingStream { continuation in
            for number in 0..<count { continuation.yield(number) }
            continuation.finish(throwing: error)
        }
    }

    // GV-125, GV-128
    @Test(arguments: WaiterKind.allCases)
    func `results come in the order of the items`(_ kind: WaiterKind) async throws {
        let pool = ThreadPool(workers: 4)
        let squares = try await kind.start(
            { try pool.map(0..<10) { $0 * $0 }.collect() },
            task: { try await pool.map(0..<10) { $0 * $0 }.collect() }
        ).value()
        #expect(squares == (0..<10).map { $0 * $0 })
        await pool.shutDown()
    }

    // GV-129
    @Test(arguments: WaiterKind.allCases)
    func `results come one by one, and end`(_ kind: WaiterKind) async throws {
        let pool = ThreadPool(workers: 2)
        let seen = try await kind.start(
            {
                let results = try pool.map(0..<3) { $0 }
                return try (0..<5).map { _ in try results.next() }
            },
            task: {
                let results = try await pool.map(0..<3) { $0 }
                return try await (0..<5).asyncMap { _ in try await results.next() }
            }
        ).value()
        #expect(seen == [0, 1, 2, nil, nil])
        await pool.shutDown()
    }

    // GV-130
    @Test(arguments: WaiterKind.allCases)
    func `a map may be larger than the queue`(_ kind: WaiterKind) async throws {
        let pool = ThreadPool(workers: 3, queueCapacity: 8)
        let results = try await kind.start(
            { try pool.map(0..<1_000) { $0 }.collect() },
            task: { try await pool.map(0..<1_000) { $0 }.collect() }
        ).value()
        #expect(results == Array(0..<1_000))
        await pool.shutDown()
    }

    // GV-131
    @Test(arguments: WaiterKind.allCases)
    func `without order all results come`(_ kind: WaiterKind) async throws {
        let pool = ThreadPool(workers: 4)
        let results = try await kind.start(
            { try pool.mapUnordered(0..<200) { $0 }.collect() },
            task: { try await pool.mapUnordered(0..<200) { $0 }.collect() }
        ).value()
        #expect(results.sorted() == Array(0..<200))
        await pool.shutDown()
    }

    // GV-132
    @Test func `without order results come as the work ends`() async throws {
        let pool = ThreadPool(workers: 4)
        let events = (0..<4).map { _ in Event() }
        let results = try await pool.mapUnordered(0..<4) { number in
            try events[number].wait()
            return number
        }
        for number in [2, 0, 3, 1] {
            events[number].set()
            #expect(try await results.next() == number)
        }
        #expect(try await results.next() == nil)
        await pool.shutDown()
    }

    // FU-056
    @Test func `work is done even when its results are never asked for`() async throws {
        let pool = ThreadPool(workers: 2)
        let done = Box(0)
        _ = try await pool.map(0..<50) { _ in done.update { $0 += 1 } }
        await pool.shutDown()
        #expect(done.value == 50)
    }

    // FU-060
    @Test(arguments: [false, true], WaiterKind.allCases)
    func `past the limit the rest is cancelled, and what has not begun never runs`(
        _ isOrdered: Bool, _ kind: WaiterKind
    ) async throws {
        let pool = ThreadPool(workers: 1)
        let goOn = Event()
        let begun = Box<[Int]>([])
        let body = { @Sendable (number: Int) throws -> Int in
            begun.update { $0.append(number) }
            if number == 1 { try goOn.wait() }
            return number
        }
        let limit = Duration.milliseconds(50)
        let mapping = kind.start(
            {
                try isOrdered
                    ? pool.map(0..<10, within: limit, body).collect()
                    : pool.mapUnordered(0..<10, within: limit, body).collect()
            },
            task: {
                try await isOrdered
                    ? pool.map(0..<10, within: limit, body).collect()
                    : pool.mapUnordered(0..<10, within: limit, body).collect()
            })
        await #expect(throws: TimedOut.self) { try await mapping.value() }
        goOn.set()
        await pool.shutDown()
        // On a busy machine the limit may pass before the first begins.
        #expect(begun.value == [0, 1] || begun.value == [0] || begun.value == [])
    }

    @Test func `a limit holds for giving the work, too`() async throws {
        let pool = ThreadPool(workers: 1, queueCapacity: 1)
        let goOn = Event()
        await #expect(throws: TimedOut.self) {
            try await pool.map(0..<10, within: .milliseconds(1)) { _ in try goOn.wait() }
        }
        goOn.set()
        await pool.shutDown()
        #expect(pool.statistics.completed <= 1)
    }

    @Test(arguments: [false, true])
    func `an error ends the results and cancels the rest`(_ isOrdered: Bool) async throws {
        let pool = ThreadPool(workers: 1)
        let goOn = Event()
        let body = { @Sendable (number: Int) throws -> Int in
            if number == 1 { throw Failure() }
            if number > 1 { try goOn.wait() }
            return number
        }
        let results =
            try await isOrdered
            ? pool.map(0..<10, body) : pool.mapUnordered(0..<10, body)
        #expect(try await results.next() == 0)
        await #expect(throws: Failure.self) { try await results.next() }
        goOn.set()
        await pool.shutDown()
        #expect(pool.statistics.completed <= 3)
        if isOrdered { #expect(try await results.next() == nil) }
    }

    @Test func `results that were begun and let go of cancel the rest`() async throws {
        let pool = ThreadPool(workers: 1)
        let goOn = Event()
        do {
            let results = try await pool.map(0..<10) { number in
                if number > 0 { try goOn.wait() }
            }
            _ = try await results.next()
        }
        goOn.set()
        await pool.shutDown()
        #expect(pool.statistics.completed <= 2)
    }

    // FU-004
    @Test func `results that were given out are not kept`() async throws {
        let pool = ThreadPool(workers: 2)
        weak var first: ThreadPoolTests.Payload?
        let results = try await pool.map(0..<3) { _ in ThreadPoolTests.Payload() }
        do {
            first = try await results.next()
        }
        // The worker that made it may be still on its way.
        while first != nil { await Task.yield() }
        #expect(try await results.collect().count == 2)
        await pool.shutDown()
    }

    // GV-136, GV-137
    @Test(arguments: [false, true])
    func `an error of the input is thrown, and what was given is cancelled`(
        _ isOrdered: Bool
    ) async throws {
        let pool = ThreadPool(workers: 1)
        let (started, goOn) = (Event(), Event())
        try await pool.submit {
            started.set()
            try goOn.wait()
        }
        try await started.wait()
        await #expect(throws: Failure.self) {
            _ =
                try await isOrdered
                ? pool.map(input(3, Failure())) { $0 }
                : pool.mapUnordered(input(3, Failure())) { $0 }
        }
        goOn.set()
        await pool.shutDown()
        #expect(pool.statistics.completed == 1)
    }

    @Test func `the results of one map may be the input of another`() async throws {
        let pool = ThreadPool(workers: 2)
        let doubled = try await pool.map(input(20)) { $0 * 2 }
        let texts = try await pool.map(doubled) { "\($0)" }
        #expect(try await texts.collect() == (0..<20).map { "\($0 * 2)" })
        await pool.shutDown()
    }
}
