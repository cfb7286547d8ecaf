internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// The thread that looks after children for functions. It starts them, since the system ties a
/// parent-death signal to the thread that started the child. It also forwards their standard error
/// and takes their status.
enum ChildService {
    private static let started = OnceValue { try Hub.start(name: "plait-children") }

    static var hub: Hub {
        get throws { try started.get().hub }
    }

    /// Runs `body` on that thread, and waits for it whatever happens to the caller. `body` uses the
    /// caller's descriptors, and makes a process that somebody must know of.
    static func perform<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) throws -> Result {
        let fiber = spawn(.fiber, on: try hub, name: "start", body)
        fiber.strand.joinUncancellably()
        return try fiber.join()
    }

    /// Starts a fiber on that thread. Nobody waits for the fiber.
    /// - Parameter refused: Called on that thread when the fiber cannot start.
    static func begin(
        _ name: String, orElse refused: @escaping @Sendable (any Error) -> Void,
        _ body: @escaping @Sendable () throws -> Void
    ) throws {
        let isPosted = try hub.post {
            let fiber = spawn(.fiber, name: name, isDaemon: true, body)
            if fiber.isAlive { return }
            do { try fiber.join() } catch { refused(error) }
        }
        if !isPosted { refused(HubEnded()) }
    }
}
