import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

/// Many feeders and many consumers.
@Suite(.timeLimit(.hang))
struct QueueCrowdConformance {
    /// How a consumer looks for items.
    enum Consuming: CaseIterable, Sendable { case blocking, polling, timed }

    // QU-020, QU-021, QU-022
    @Test(arguments: WaiterKind.allCases, Consuming.allCases)
    func `fifty feeders and fifty consumers lose and duplicate nothing`(
        _ kind: WaiterKind, _ consuming: Consuming
    ) async throws {
        let queue = Queue<Int>.unbounded()
        let seen = Box<[Int]>([])
        let consumers = (0..<50).map { _ in
            kind.start(
                {
                    while true {
                        if let item = try next(of: queue, consuming) {
                            if item < 0 { return }
                            seen.update { $0.append(item) }
                        } else {
                            Strand.yield()
                        }
                    }
                },
                task: {
                    while true {
                        if let item = try await next(of: queue, consuming) {
                            if item < 0 { return }
                            seen.update { $0.append(item) }
                        } else {
                            await Task.yield()
                        }
                    }
                })
        }
        let feeders = (0..<50).map { number in
            kind.start(
                { for item in 0..<200 { try queue.put(number * 200 + item) } },
                task: { for item in 0..<200 { try await queue.put(number * 200 + item) } })
        }
        for feeder in feeders { try await feeder.value() }
        // One for each, to go home.
        for _ in consumers { try await queue.put(-1) }
        for consumer in consumers { try await consumer.value() }
        #expect(seen.value.sorted() == Array(0..<10_000))
        #expect(queue.isEmpty)
    }

    @available(*, noasync)
    private func next(of queue: Queue<Int>, _ consuming: Consuming) throws -> Int? {
        switch consuming {
        case .blocking: return try queue.get()
        case .polling: return try queue.tryGet()
        case .timed:
            do { return try queue.get(within: .microseconds(10)) } catch is TimedOut {
                return nil
            }
        }
    }

    private func next(of queue: Queue<Int>, _ consuming: Consuming) async throws -> Int? {
        switch consuming {
        case .blocking: return try await queue.get()
        case .polling: return try queue.tryGet()
        case .timed:
            do { return try await queue.get(within: .microseconds(10)) } catch is TimedOut {
                return nil
            }
        }
    }
}
