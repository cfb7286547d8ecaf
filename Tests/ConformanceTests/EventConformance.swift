import PlaitParking
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct EventConformance {
    // TH-017, AS-118
    @Test(arguments: WaiterKind.pairs)
    func `all wait until it is set, and again after it was cleared`(
        _ setter: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let event = Event()
        for _ in 0..<2 {
            let waiting = (0..<5).map { _ in
                waiter.start(
                    { try event.wait(within: .seconds(3_600)) },
                    task: { try await event.wait(within: .seconds(3_600)) })
            }
            for strand in waiting { try await strand.untilParked() }
            try await setter.start({ event.set() }, task: { event.set() }).value()
            for strand in waiting { #expect(try await strand.value()) }
            event.clear()
        }
    }

    // TH-018
    @Test(arguments: WaiterKind.allCases)
    func `a timed wait ends, set or not`(_ kind: WaiterKind) async throws {
        let event = Event()
        func wait(_ limit: Duration) async throws -> Bool {
            try await kind.start(
                { try event.wait(within: limit) }, task: { try await event.wait(within: limit) }
            ).value()
        }
        #expect(try await !wait(.zero))
        #expect(try await !wait(.milliseconds(1)))
        event.set()
        #expect(try await wait(.zero))
        #expect(try await wait(.milliseconds(1)))
    }

    @Test(arguments: WaiterKind.pairs)
    func `cancelling one waiter leaves the other waiting`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let event = Event()
        let first = cancelled.start({ try event.wait() }, task: { try await event.wait() })
        try await first.untilParked()
        let second = patient.start({ try event.wait() }, task: { try await event.wait() })
        try await second.untilParked()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value() }
        event.set()
        try await second.value()
    }

    // AS-120
    @Test(arguments: WaiterKind.allCases)
    func `set, cleared and set again at once, it lets a waiter pass once`(
        _ kind: WaiterKind
    ) async throws {
        let event = Event()
        let passes = Box(0)
        let waiting = kind.start(
            {
                try event.wait()
                passes.update { $0 += 1 }
            },
            task: {
                try await event.wait()
                passes.update { $0 += 1 }
            })
        try await waiting.untilParked()
        event.set()
        event.clear()
        event.set()
        try await waiting.value()
        #expect(passes.value == 1)
        #expect(event.isSet)
    }

    // GV-062
    @Test func `who waits while others are being woken returns at once, before later callbacks`()
        async throws
    {
        try await onThread {
            let event = Event()
            let order = Box<[Int]>([])
            let waiting = (1...2).map { number in
                spawn(.fiber) {
                    try event.wait()
                    order.update { $0.append(number) }
                }
            }
            let setting = spawn(.fiber) {
                // The others run, and wait.
                Strand.yield()
                event.set()
                Hub.current.post { order.update { $0.append(4) } }
                try event.wait()
                order.update { $0.append(3) }
            }
            // The last first: joining another would go on, and run callbacks, before that.
            for fiber in [waiting[1], waiting[0], setting] { try fiber.join() }
            while order.value.count < 4 { Strand.yield() }
            #expect(order.value == [3, 1, 2, 4])
        }
    }
}
