import PlaitParking
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct SemaphoreConformance {
    @Test(arguments: WaiterKind.pairs)
    func `a permit that one releases goes to the other`(
        _ releaser: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let semaphore = CountingSemaphore(permits: 0)
        let waiting = waiter.start(
            { try semaphore.acquire() }, task: { try await semaphore.acquire() })
        try await waiting.untilParked()
        try await releaser.start({ semaphore.release() }, task: { semaphore.release() }).value()
        try await waiting.value()
        #expect(semaphore.permits == 0)
    }

    // AS-138
    @Test(arguments: WaiterKind.pairs)
    func `a permit meant for one who was cancelled goes to the next`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let semaphore = CountingSemaphore(permits: 0)
        let first = cancelled.start(
            { try semaphore.acquire() }, task: { try await semaphore.acquire() })
        try await first.untilParked()
        let second = patient.start(
            { try semaphore.acquire() }, task: { try await semaphore.acquire() })
        try await second.untilParked()
        // The first may still be in the queue when the permit comes, cancelled already.
        first.cancel()
        semaphore.release()
        do {
            try await first.value()
            // The cancellation of a fiber takes the way through its hub, and may come too late.
            semaphore.release()
        } catch is CancellationError {}
        try await second.value()
        #expect(semaphore.permits == 0)
    }

    // TH-029
    @Test(arguments: WaiterKind.allCases)
    func `a timed wait has a permit while there is one`(_ kind: WaiterKind) async throws {
        let semaphore = CountingSemaphore(permits: 2)
        func acquire(_ limit: Duration) async throws -> Bool {
            try await kind.start(
                { try semaphore.acquire(within: limit) },
                task: { try await semaphore.acquire(within: limit) }
            ).value()
        }
        #expect(try await acquire(.zero))
        #expect(try await acquire(.milliseconds(1)))
        #expect(try await !acquire(.zero))
        #expect(try await !acquire(.milliseconds(1)))
        #expect(semaphore.permits == 0)
    }

    // TH-027
    @Test(arguments: WaiterKind.allCases)
    func `of many, exactly as many pass as there are permits; each release lets in as many`(
        _ kind: WaiterKind
    ) async throws {
        let semaphore = CountingSemaphore(permits: 7)
        let passed = Box(0)
        let strands = (0..<17).map { _ in
            kind.start(
                {
                    let isTaken = try semaphore.acquire(within: .seconds(3_600))
                    passed.update { $0 += 1 }
                    return isTaken
                },
                task: {
                    let isTaken = try await semaphore.acquire(within: .seconds(3_600))
                    passed.update { $0 += 1 }
                    return isTaken
                })
        }
        var released = 7
        for count in [0, 1, 3, 6] {
            if count > 0 { semaphore.release(count) }
            released += count
            try await until { [released] in passed.value >= released }
            #expect(passed.value == released)
            #expect(semaphore.permits == 0)
        }
        for strand in strands { #expect(try await strand.value()) }
        semaphore.release()
        #expect(semaphore.permits == 1)
    }

    // AS-139
    @Test(arguments: WaiterKind.pairs)
    func `a permit is not lost on one that is cancelled when it comes`(
        _ cancelled: WaiterKind, _ later: WaiterKind
    ) async throws {
        let semaphore = CountingSemaphore(permits: 0)
        for _ in 0..<20 {
            let first = cancelled.start(
                { try semaphore.acquire() }, task: { try await semaphore.acquire() })
            try await first.untilParked()
            semaphore.release()
            first.cancel()
            do {
                try await first.value()
                semaphore.release()
            } catch is CancellationError {}
            try await later.start(
                { try semaphore.acquire() }, task: { try await semaphore.acquire() }
            ).value()
            #expect(semaphore.permits == 0)
        }
    }

    /// Strands that wait, in order, for a semaphore without permits; each runs a body with its
    /// number.
    private func line(
        _ kind: WaiterKind, _ numbers: [Int], _ semaphore: CountingSemaphore,
        _ blocking: @escaping @Sendable (Int) throws -> Void = { _ in },
        task suspending: @escaping @Sendable (Int) async throws -> Void = { _ in }
    ) async throws -> [Started<Void>] {
        var strands: [Started<Void>] = []
        for number in numbers {
            let strand = kind.start(
                {
                    try semaphore.acquire()
                    try blocking(number)
                },
                task: {
                    try await semaphore.acquire()
                    try await suspending(number)
                })
            try await strand.untilParked()
            strands.append(strand)
        }
        return strands
    }

    // AS-141
    @Test(arguments: WaiterKind.allCases)
    func `who releases and acquires again at once does not pass those who wait`(
        _ kind: WaiterKind
    ) async throws {
        let semaphore = CountingSemaphore(permits: 0)
        let order = Box<[Int]>([])
        let strands = try await line(kind, [1, 2, 3], semaphore) { number in
            order.update { $0.append(number) }
            semaphore.release()
            try semaphore.acquire()
            order.update { $0.append(number + 10) }
            semaphore.release()
        } task: { number in
            order.update { $0.append(number) }
            semaphore.release()
            try await semaphore.acquire()
            order.update { $0.append(number + 10) }
            semaphore.release()
        }
        semaphore.release()
        for strand in strands { try await strand.value() }
        // All had waited before any came again.
        #expect(order.value.prefix(3) == [1, 2, 3])
        #expect(order.value.dropFirst(3).sorted() == [11, 12, 13])
        #expect(semaphore.permits == 1)
    }

    // AS-142
    @Test(arguments: WaiterKind.allCases)
    func `who releases inside is behind those who wait, whoever released before`(
        _ kind: WaiterKind
    ) async throws {
        let semaphore = CountingSemaphore(permits: 0)
        let order = Box<[Int]>([])
        let strands = try await line(kind, [1, 2, 3], semaphore) { number in
            order.update { $0.append(number) }
            guard number == 2 else { return }
            semaphore.release()
            try semaphore.acquire()
            order.update { $0.append(4) }
        } task: { number in
            order.update { $0.append(number) }
            guard number == 2 else { return }
            semaphore.release()
            try await semaphore.acquire()
            order.update { $0.append(4) }
        }
        semaphore.release()
        try await strands[0].value()
        semaphore.release()
        try await strands[2].value()
        semaphore.release()
        try await strands[1].value()
        #expect(order.value == [1, 2, 3, 4])
    }

    // AS-143
    @Test(arguments: WaiterKind.allCases)
    func `the order holds when the first of them is cancelled`(_ kind: WaiterKind) async throws {
        let semaphore = CountingSemaphore(permits: 0)
        let order = Box<[Int]>([])
        let strands = try await line(kind, [1, 2, 3], semaphore) { number in
            order.update { $0.append(number) }
        } task: { number in
            order.update { $0.append(number) }
        }
        strands[0].cancel()
        await #expect(throws: CancellationError.self) { try await strands[0].value() }
        for strand in strands.dropFirst() {
            semaphore.release()
            try await strand.value()
        }
        #expect(order.value == [2, 3])
    }

    // AS-144
    @Test(arguments: WaiterKind.allCases)
    func `one started while a permit is handed over is behind those who wait`(
        _ kind: WaiterKind
    ) async throws {
        let semaphore = CountingSemaphore(permits: 0)
        let order = Box<[Int]>([])
        let passOn: @Sendable (Int) -> Void = { number in
            order.update { $0.append(number) }
            semaphore.release()
        }
        let strands = try await line(kind, [1, 2], semaphore, passOn) { passOn($0) }
        semaphore.release()
        let late = kind.start(
            {
                try semaphore.acquire()
                passOn(3)
            },
            task: {
                try await semaphore.acquire()
                passOn(3)
            })
        for strand in strands + [late] { try await strand.value() }
        #expect(order.value.filter { $0 < 3 } == [1, 2])
        #expect(order.value.count == 3)
        #expect(semaphore.permits == 1)
    }

    // EV-041
    @Test(arguments: OneHub.allCases)
    func `two who contend for one permit get it in turn`(_ model: OneHub) async throws {
        let semaphore = CountingSemaphore(permits: 1)
        let order = Box<[Int]>([])
        _ = try await model.run(2) { number in
            for _ in 0..<50 {
                try semaphore.acquire()
                order.update { $0.append(number) }
                Strand.yield()
                semaphore.release()
            }
        } task: { number in
            for _ in 0..<50 {
                try await semaphore.acquire()
                order.update { $0.append(number) }
                await Task.yield()
                semaphore.release()
            }
        }
        #expect(order.value == (0..<100).map { $0 % 2 })
    }

    // GV-086, GV-087
    @Test func `a fiber of one hub gets what one of another hub held`() async throws {
        let semaphore = CountingSemaphore(permits: 1)
        let mayRelease = Event()
        let holding = spawn(.fiber, on: SharedHubs.first) {
            try semaphore.acquire()
            try mayRelease.wait()
            semaphore.release()
        }
        try await until { semaphore.permits == 0 }
        let hasty = spawn(.fiber, on: SharedHubs.second) {
            try semaphore.acquire(within: .milliseconds(1))
        }
        #expect(try await !hasty.join())
        let patient = spawn(.fiber, on: SharedHubs.second) { try semaphore.acquire() }
        try await until {
            await SharedHubs.second.answer { patient.strand.currentWait != nil }
        }
        mayRelease.set()
        try await holding.join()
        try await patient.join()
        // The one that gave up is in nobody's way.
        semaphore.release()
        #expect(semaphore.permits == 1)
    }

    // GV-088, GV-089, GV-090
    @Test(arguments: StrandKind.allCases, [nil, Duration.seconds(3_600)])
    func `two threads, with and without hubs, duel for one permit ten thousand times`(
        _ kind: StrandKind, _ limit: Duration?
    ) async throws {
        let semaphore = CountingSemaphore(permits: 1)
        let total = Confined(0)
        let duel: @Sendable () throws -> Void = { () throws in
            for _ in 0..<10_000 {
                #expect(try semaphore.acquire(within: limit))
                total.value += 1
                semaphore.release()
            }
        }
        async let first: Void = onStrand(kind, duel)
        async let second: Void = onStrand(kind, duel)
        _ = try await (first, second)
        #expect(total.value == 20_000)
        #expect(semaphore.permits == 1)
    }
}
