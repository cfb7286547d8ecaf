internal import PlaitParking
internal import PlaitStrands
internal import PlaitSync

/// The hub that serves waits of Swift tasks: a daemon thread `plait-async`, started with the first
/// of them.
///
/// An async verb that would wait runs as a fiber there, and the task is suspended meanwhile: no
/// thread of Swift's pool is blocked.
package enum ServiceHub {
    private static let started = OnceValue { try Hub.start(name: "plait-async") }

    /// Runs `body` in a fiber of the hub. The task's cancellation cancels the fiber, which is
    /// waited for.
    package static func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        let hub = try await started.get().hub
        let fiber = spawn(.fiber, on: hub, isDaemon: true, body)
        return try await withTaskCancellationHandler {
            await fiber.strand.joinUncancellably()
            return try await fiber.join()
        } onCancel: {
            fiber.cancel()
        }
    }
}
