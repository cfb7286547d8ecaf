import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.minutes(1)))
struct EventConformance {
    // TH-017
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
}
