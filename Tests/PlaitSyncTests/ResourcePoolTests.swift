import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct ResourcePoolTests {
    struct Failure: Error {}

    /// Makes 1, 2, 3, …
    private func counting(
        minimum: Int = 0, maximum: Int,
        order: ResourcePool<Int>.Order = .firstInFirstOut
    ) throws -> ResourcePool<Int> {
        let made = Box(0)
        return try ResourcePool(minimum: minimum, maximum: maximum, order: order) {
            made.update {
                $0 += 1
                return $0
            }
        }
    }

    /// Starts a strand of a kind that gets from the pool.
    private func getter(
        _ kind: WaiterKind, _ pool: ResourcePool<Int>, within limit: Duration? = nil
    ) -> Started<Int> {
        kind.start {
            try pool.get(within: limit)
        } task: {
            try await pool.get(within: limit)
        }
    }

    // EV-064
    @Test func `things are made when they are needed`() async throws {
        let pool = try counting(maximum: 4)
        #expect(pool.count == 0)
        for number in 1...4 {
            #expect(try await pool.get() == number)
            #expect(pool.count == number)
        }
        #expect(try pool.tryGet() == nil)
    }

    // EV-065
    @Test func `free counts those that can be had without waiting`() async throws {
        let pool = try counting(minimum: 1, maximum: 4)
        #expect(pool.free == 4)
        let first = try await pool.get()
        let second = try await pool.get()
        #expect(pool.free == 2)
        pool.put(first)
        #expect(pool.free == 3)
        pool.put(second)
        #expect(pool.free == 4)
    }

    // EV-066, EV-069
    @Test(arguments: WaiterKind.allCases)
    func `at the maximum a getter waits for one that is given back`(
        _ kind: WaiterKind
    ) async throws {
        let pool = try counting(maximum: 2)
        let first = try await pool.get()
        _ = try await pool.get()
        let waiting = getter(kind, pool)
        try await waiting.untilParked()
        pool.put(first)
        #expect(try await waiting.value() == first)
        #expect(pool.count == 2 && pool.free == 0)
    }

    // EV-067
    @Test(arguments: WaiterKind.pairs)
    func `waiters are counted, and served first come, first served`(
        _ kinds: (WaiterKind, WaiterKind)
    ) async throws {
        let pool = try counting(maximum: 1)
        let only = try await pool.get()
        let first = getter(kinds.0, pool)
        try await first.untilParked()
        #expect(pool.waiting == 1)
        let second = getter(kinds.1, pool)
        try await second.untilParked()
        #expect(pool.waiting == 2)
        pool.put(only)
        #expect(try await first.value() == only)
        #expect(pool.waiting == 1)
        pool.put(only)
        #expect(try await second.value() == only)
        #expect(pool.waiting == 0)
    }

    // EV-068
    @Test func `those that were given back first are lent first`() async throws {
        let pool = try counting(maximum: 3)
        for _ in 0..<3 { _ = try await pool.get() }
        for number in [2, 3, 1] { pool.put(number) }
        for number in [2, 3, 1] { #expect(try await pool.get() == number) }
    }

    // EV-071
    @Test func `or the last one is, if so chosen`() async throws {
        let pool = try counting(maximum: 3, order: .lastInFirstOut)
        for _ in 0..<3 { _ = try await pool.get() }
        for number in [2, 3, 1] { pool.put(number) }
        for number in [1, 3, 2] { #expect(try await pool.get() == number) }
    }

    // EV-070
    @Test func `the minimum is made ahead`() async throws {
        let made = Box(0)
        let pool = try ResourcePool(minimum: 3, maximum: 5) {
            made.update { $0 += 1 }
            return 0
        }
        #expect(made.value == 3)
        #expect(pool.count == 3)
        for _ in 0..<3 { _ = try await pool.get() }
        #expect(made.value == 3)
        _ = try await pool.get()
        #expect(made.value == 4)
        #expect(throws: Failure.self) {
            _ = try ResourcePool<Int>(minimum: 1, maximum: 1) { throw Failure() }
        }
    }

    // EV-072
    @Test(arguments: WaiterKind.allCases)
    func `a failing creation gives the place back, to a waiter if there is one`(
        _ kind: WaiterKind
    ) async throws {
        let tries = Box(0)
        let isMaking = Event()
        let mayFail = Event()
        let pool = try ResourcePool<Int>(maximum: 1) {
            let number = tries.update {
                $0 += 1
                return $0
            }
            if number == 1 { throw Failure() }
            if number == 2 {
                isMaking.set()
                while !mayFail.isSet { Strand.yield() }
                throw Failure()
            }
            return number
        }
        await #expect(throws: Failure.self) { try await pool.get() }
        #expect(pool.free == 1)
        let failing = spawn(.thread) { try pool.get() }
        try await isMaking.wait()
        #expect(pool.free == 0)
        let waiting = getter(kind, pool)
        try await waiting.untilParked()
        mayFail.set()
        await #expect(throws: Failure.self) { try await failing.join() }
        #expect(try await waiting.value() == 3)
    }

    @Test(arguments: WaiterKind.allCases)
    func `a getter gives up at its limit, or when it is cancelled`(
        _ kind: WaiterKind
    ) async throws {
        let pool = try counting(maximum: 1)
        let only = try await pool.get()
        for limit in [Duration.zero, .seconds(-1), .milliseconds(2)] {
            let error = await #expect(throws: TimedOut.self) {
                try await getter(kind, pool, within: limit).value()
            }
            #expect(error?.verb.contains("all 1 stayed lent") == true)
        }
        let cancelled = getter(kind, pool)
        try await cancelled.untilParked()
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value() }
        #expect(pool.waiting == 0)
        pool.put(only)
        #expect(try await pool.get(within: .zero) == only)
    }

    @Test func `withResource gives it back, whatever happens`() async throws {
        let pool = try counting(maximum: 1)
        try await onThread {
            let next = try pool.withResource { $0 + 1 }
            #expect(next == 2)
            #expect(throws: Failure.self) { try pool.withResource { _ in throw Failure() } }
            #expect(pool.free == 1)
        }
        let result = try await pool.withResource { resource in
            await Task.yield()
            return resource
        }
        #expect(result == 1)
        await #expect(throws: Failure.self) {
            try await pool.withResource { _ in
                await Task.yield()
                throw Failure()
            }
        }
        #expect(pool.free == 1)
    }

    @Test(arguments: WaiterKind.allCases)
    func `a larger maximum lets waiters make their own`(_ kind: WaiterKind) async throws {
        let pool = try counting(maximum: 1)
        _ = try await pool.get()
        let waiting = getter(kind, pool)
        try await waiting.untilParked()
        pool.resize(to: 3)
        #expect(try await waiting.value() == 2)
        #expect(pool.free == 1)
        #expect(try pool.tryGet() == 3)
    }

    @Test func `a smaller maximum lets go of those that are too many`() async throws {
        final class Thing: Sendable {}
        weak var first: Thing?
        weak var second: Thing?
        let pool = try ResourcePool(maximum: 3) { Thing() }
        do {
            let (one, two, three) = try await (pool.get(), pool.get(), pool.get())
            (first, second) = (one, two)
            pool.put(one)
            pool.resize(to: 1)
            #expect(pool.count == 2 && pool.free == 0)
            pool.put(two)
            #expect(pool.count == 1 && pool.free == 0)
            pool.put(three)
        }
        #expect(first == nil && second == nil)
        #expect(pool.count == 1 && pool.free == 1)
    }

    @Test(arguments: WaiterKind.allCases)
    func `in place of one that is discarded another is made`(_ kind: WaiterKind) async throws {
        let pool = try counting(maximum: 1)
        _ = try await pool.get()
        let waiting = getter(kind, pool)
        try await waiting.untilParked()
        pool.discard()
        #expect(try await waiting.value() == 2)
        pool.discard()
        #expect(pool.count == 0 && pool.free == 1)
    }

    @Test func `a pool without room is refused`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            _ = try ResourcePool(minimum: 2, maximum: 1) { 0 }
        }
        let output = text(result?.standardErrorContent ?? [])
        #expect(output.contains("a ResourcePool needs maximum >= 1"))
    }
}
