import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct LatchConformance {
    @Test(arguments: WaiterKind.pairs)
    func `all wait until it has been counted down to zero`(
        _ counter: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let latch = Latch(count: 3)
        let waiting = (0..<3).map { _ in
            waiter.start({ try latch.wait() }, task: { try await latch.wait() })
        }
        for strand in waiting { try await strand.untilParked() }
        for left in [2, 1, 0] {
            #expect(!latch.isOpen)
            try await counter.start({ latch.countDown() }, task: { latch.countDown() }).value()
            #expect(latch.count == left)
        }
        for strand in waiting { try await strand.value() }
        // It stays open.
        try await waiter.start({ try latch.wait() }, task: { try await latch.wait() }).value()
    }

    @Test(arguments: WaiterKind.pairs)
    func `those who arrive and wait go on when the last has come`(
        _ first: WaiterKind, _ last: WaiterKind
    ) async throws {
        let latch = Latch(count: 3)
        func arrive(_ kind: WaiterKind) -> Started<Void> {
            kind.start({ try latch.arriveAndWait() }, task: { try await latch.arriveAndWait() })
        }
        let waiting = [arrive(first), arrive(first)]
        for strand in waiting { try await strand.untilParked() }
        #expect(latch.count == 1)
        try await arrive(last).value()
        for strand in waiting { try await strand.value() }
    }

    @Test(arguments: WaiterKind.pairs)
    func `cancelling one waiter leaves the other waiting, and what it counted counted`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let latch = Latch(count: 2)
        let first = cancelled.start(
            { try latch.arriveAndWait() }, task: { try await latch.arriveAndWait() })
        try await first.untilParked()
        let second = patient.start({ try latch.wait() }, task: { try await latch.wait() })
        try await second.untilParked()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value() }
        #expect(latch.count == 1)
        latch.countDown()
        try await second.value()
    }
}
