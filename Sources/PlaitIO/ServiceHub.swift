internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// The hub that serves the waits of Swift tasks, on the daemon thread `plait-async`. The first such
/// wait starts it.
///
/// An async verb that must wait runs as a fiber there, and the task is suspended meanwhile. So no
/// thread of Swift's pool blocks.
package enum ServiceHub {
    private static let started = OnceValue { try Hub.start(name: "plait-async") }
    private static let known = Guarded<Hub?>(nil)

    private static func hub() async throws -> Hub {
        if let hub = known.withLock({ $0 }) { return hub }
        // Starting a hub waits for its thread, and a task on a hub's loop must not wait.
        let starter = spawn(.thread, name: "plait-async-start", isDaemon: true) {
            try started.get().hub
        }
        let hub = try await starter.join()
        known.withLock { $0 = hub }
        return hub
    }

    /// Runs `body` in a fiber of the hub. The task's cancellation cancels the fiber, and the task
    /// waits for the fiber's end.
    package static func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        let hub = try await hub()
        let fiber = spawn(.fiber, on: hub, isDaemon: true, body)
        return try await withTaskCancellationHandler {
            await fiber.strand.joinUncancellably()
            return try await fiber.join()
        } onCancel: {
            fiber.cancel()
        }
    }
}
