import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import PlaitTesting
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct VirtualTimeTests {
    @Test func `a limit of an hour passes at once, and not a moment early`() async throws {
        let begun = ContinuousClock.now
        let elapsed = try await withVirtualTime { clock in
            let queue = Queue<Int>(capacity: 1)
            let other = spawn(.fiber) {
                try Strand.sleep(for: .seconds(1_800))
                #expect(clock.elapsed >= .seconds(1_800))
                #expect(clock.elapsed < .seconds(1_801))
            }
            _ = try? queue.get(within: .seconds(3_600))
            try other.join()
            #expect(clock.elapsed >= .seconds(3_600))
            return clock.elapsed
        }
        #expect(elapsed < .seconds(3_601))
        #expect(begun.duration(to: .now) < .seconds(600))
    }

    @Test func `what comes before the limit comes`() async throws {
        let found = try await withVirtualTime { clock in
            let queue = Queue<Int>(capacity: 1)
            spawn(.fiber) {
                try Strand.sleep(for: .seconds(3_599))
                try queue.put(7)
            }
            return try queue.get(within: .seconds(3_600))
        }
        #expect(found == 7)
    }

    @Test func `sleeps one after another add up, and end in order`() async throws {
        let order = Box<[Int]>([])
        let elapsed = try await withVirtualTime { clock in
            let fibers = [30, 10, 20].map { hours in
                spawn(.fiber) {
                    try Strand.sleep(for: .seconds(hours * 3_600))
                    order.update { $0.append(hours) }
                }
            }
            for fiber in fibers { try fiber.join() }
            try Strand.sleep(for: .seconds(5 * 3_600))
            return clock.elapsed
        }
        #expect(order.value == [10, 20, 30])
        #expect(elapsed >= .seconds(35 * 3_600) && elapsed < .seconds(35 * 3_600 + 1))
    }

    @Test func `an error of the body is thrown, and time is real again`() async throws {
        await #expect(throws: CancellationError.self) {
            try await withVirtualTime { _ in throw CancellationError() }
        }
        #expect(try await onThread { ThreadCell.current.virtualNow } == 0)
    }
}
