internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// The thread that sees to children for functions: it starts them, since the system ties a parent-death
/// signal to the thread that did, hands on what they write to standard error, and takes their status.
enum ChildService {
    private static let started = OnceValue { try Hub.start(name: "plait-children") }

    static var hub: Hub {
        get throws { try started.get().hub }
    }

    /// Runs `body` on that thread, and waits for it.
    static func perform<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) throws -> Result {
        try spawn(.fiber, on: hub, name: "start", body).join()
    }
}
