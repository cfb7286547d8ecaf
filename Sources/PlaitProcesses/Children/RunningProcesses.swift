internal import PlaitPlatform
internal import PlaitStrands

/// The processes that run functions. At its end, the program ends all daemon children, which get
/// two seconds for it, and then waits for the processes that run functions.
enum RunningProcesses {
    private struct State {
        var functions: [ObjectIdentifier: (child: ChildEnd, isDaemon: Bool)] = [:]
        /// Whether an action for the program's end is registered.
        var isRegistered = false
    }

    private static let state = Guarded(State())

    /// Makes sure that daemon children end with the program.
    static func endWithProgram() {
        let isFirst = state.withLock { state in
            defer { state.isRegistered = true }
            return !state.isRegistered
        }
        // If the end has begun, nobody waits.
        if isFirst { _ = try? ProgramEnd.perform { finish() } }
    }

    /// Adds a process that runs a function, until it has ended.
    static func add(_ child: ChildEnd, isDaemon: Bool) {
        endWithProgram()
        let name = ObjectIdentifier(child)
        state.withLock { $0.functions[name] = (child, isDaemon) }
        child.atEnd {
            // Freed outside the lock.
            let ended = state.withLock { $0.functions.removeValue(forKey: name) }
            withExtendedLifetime(ended) {}
        }
    }

    /// Called in a child, which has these processes as siblings and has an end of its own.
    static func forget() {
        // Freed outside the lock.
        let parents = state.withLock { state in
            let parents = state
            state = State()
            return parents
        }
        withExtendedLifetime(parents) {}
    }

    private static func finish() {
        let functions = state.withLock { Array($0.functions.values) }
        let daemons =
            functions.filter(\.isDaemon).map(\.child) + Children.running.filter(\.isDaemon)
        for child in daemons { try? child.send(.terminate) }
        let deadline = Deadline(within: .seconds(2))
        for child in daemons where !hasEnded(child, by: deadline) {
            // The child ignores the signal, or is stopped.
            try? child.send(.kill)
        }
        for child in daemons { _ = hasEnded(child, by: Deadline(within: .seconds(1))) }
        for function in functions where !function.isDaemon {
            _ = hasEnded(function.child, by: .never)
        }
        ErrorRelay.finish()
    }

    /// Waits for the child, whatever happens to the caller.
    private static func hasEnded(_ child: ChildEnd, by deadline: Deadline) -> Bool {
        while true {
            do {
                return try child.join(until: deadline) != nil
            } catch is CancellationError {
                continue
            } catch {
                return child.status != nil
            }
        }
    }
}
