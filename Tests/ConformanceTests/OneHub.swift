import PlaitStrands
import TestSupport

/// Strands and tasks that share one thread: what one of them does until it waits, no other sees
/// half done.
enum OneHub: String, CaseIterable, Sendable {
    case fibers, tasks

    /// Starts all bodies, in order, before the first of them runs; waits for them.
    ///
    /// The two bodies read alike; tasks run the second.
    func run<Success: Sendable>(
        _ count: Int, _ blocking: @escaping @Sendable (Int) throws -> Success,
        task suspending: @escaping @Sendable (Int) async throws -> Success
    ) async throws -> [Success] {
        let hub = SharedHubs.next()
        switch self {
        case .fibers:
            let fibers = await hub.answer {
                (0..<count).map { number in spawn(.fiber, on: hub) { try blocking(number) } }
            }
            var results: [Success] = []
            for fiber in fibers { results.append(try await fiber.join()) }
            return results
        case .tasks:
            let tasks = await hub.answer {
                (0..<count).map { number in
                    Task.detached(executorPreference: hub.executor) { try await suspending(number) }
                }
            }
            var results: [Success] = []
            for task in tasks { results.append(try await task.value) }
            return results
        }
    }
}
