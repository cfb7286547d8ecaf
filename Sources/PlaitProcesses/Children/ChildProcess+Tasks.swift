internal import PlaitIO
public import SystemPackage

/// The verbs for Swift tasks. Each does what its namesake does, and suspends the task meanwhile.
/// They run on the thread `plait-async`, which all tasks share and which lasts as long as the
/// program. A ``ChildProcess/Options/parentDeathSignal`` therefore comes at the program's end. The
/// task's cancellation ends a wait as a strand's does.
extension ChildProcess {
    /// Starts an executable, suspending the calling task.
    public static func start(
        _ path: String, _ arguments: [String] = [], _ options: Options = Options()
    ) async throws -> ChildProcess {
        try await ServiceHub.run { try start(path, arguments, options) }
    }

    /// Starts the executable at a path, suspending the calling task.
    public static func start(
        _ path: FilePath, _ arguments: [String] = [], _ options: Options = Options()
    ) async throws -> ChildProcess {
        try await ServiceHub.run { try start(path.string, arguments, options) }
    }

    /// Runs an executable to its end and collects what it writes, suspending the calling task.
    public static func run(
        _ path: String, _ arguments: [String] = [], _ options: Options = Options(),
        input: [UInt8]? = nil, atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) async throws -> CommandResult {
        try await ServiceHub.run {
            try run(path, arguments, options, input: input, atMost: most, within: limit)
        }
    }

    /// Feeds and reads the child up to its end, suspending the calling task.
    public func communicate(
        input: [UInt8] = [], atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) async throws -> CommandResult {
        try await ServiceHub.run {
            try self.communicate(input: input, atMost: most, within: limit)
        }
    }
}
