import PlaitParking
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct LatchTests {
    @Test func `a negative count, and counting down by nothing, trap`() async {
        await #expect(processExitsWith: .failure) { _ = Latch(count: -1) }
        await #expect(processExitsWith: .failure) { Latch(count: 1).countDown(0) }
    }

    @Test func `it counts down to zero and stays there`() {
        let latch = Latch(count: 3)
        #expect(latch.count == 3)
        latch.countDown()
        #expect(latch.count == 2)
        #expect("\(latch)".hasPrefix("Latch(count: 2, "))
        latch.countDown(5)
        #expect(latch.count == 0)
        #expect(latch.isOpen)
        latch.countDown()
        #expect(latch.count == 0)
    }

    @Test func `one of zero is open`() async throws {
        let latch = Latch(count: 0)
        #expect(latch.isOpen)
        try await latch.wait()
        try await latch.arriveAndWait()
        try await onThread { try latch.wait() }
    }

    @Test(arguments: WaiterKind.allCases)
    func `a timed wait tells whether it is open`(_ kind: WaiterKind) async throws {
        let latch = Latch(count: 1)
        func wait(_ limit: Duration) async throws -> Bool {
            try await kind.start(
                { try latch.wait(within: limit) }, task: { try await latch.wait(within: limit) }
            ).value()
        }
        #expect(try await !wait(.zero))
        #expect(try await !wait(.milliseconds(1)))
        latch.countDown()
        #expect(try await wait(.zero))
        #expect(try await wait(.milliseconds(1)))
    }

    @Test func `opening publishes what was done before`() async throws {
        final class Sum: @unchecked Sendable {
            // Sendable: `isReady` orders the writes before the read.
            var parts = [0, 0]
            let isReady = Latch(count: 2)
        }
        for _ in 0..<200 {
            let sum = Sum()
            let adding = (0..<1).map { number in
                WaiterKind.thread.start(
                    {
                        sum.parts[number] = 1
                        sum.isReady.countDown()
                    }, task: {})
            }
            sum.isReady.countDown()
            try await sum.isReady.wait()
            #expect(sum.parts == [1, 0])
            for strand in adding { try await strand.value() }
        }
    }
}
