internal import PlaitPlatform
internal import PlaitStrands

/// Processes that run functions: at its end, the program waits for them, and ends the daemons
/// first. So it ends other children that are daemons. Daemons get two seconds for it.
enum RunningProcesses {
    private struct State {
        var functions: [ObjectIdentifier: (child: ChildEnd, isDaemon: Bool)] = [:]
        /// Whether the program's end knows of them.
        var isRegistered = false
    }

    private static let state = Guarded(State())

    /// Sees to it that children that are daemons end with the program.
    static func endWithProgram() {
        let isFirst = state.withLock { state in
            defer { state.isRegistered = true }
            return !state.isRegistered
        }
        // Where the end has begun, nobody waits.
        if isFirst { _ = try? ProgramEnd.perform { finish() } }
    }

    /// Adds one that runs a function, until it has ended.
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

    /// In a child, whose siblings they are, and whose end is its own.
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
            // It does not hear the signal, or is stopped.
            try? child.send(.kill)
        }
        for child in daemons { _ = hasEnded(child, by: Deadline(within: .seconds(1))) }
        for function in functions where !function.isDaemon {
            _ = hasEnded(function.child, by: .never)
        }
        ErrorRelay.finish()
    }

    /// Waits whatever happens to the caller.
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
