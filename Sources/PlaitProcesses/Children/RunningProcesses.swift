internal import PlaitPlatform
internal import PlaitStrands

/// What the end of the program needs of a process that runs a function.
protocol RunningProcess: AnyObject, Sendable {
    var isDaemon: Bool { get }
    var process: ChildProcess { get }
}

/// Processes that run functions: at its end, the program waits for them, and ends the daemons first. So it
/// ends other children that are daemons, which get two seconds for it.
enum RunningProcesses {
    private struct State {
        var all: [ObjectIdentifier: any RunningProcess] = [:]
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

    static func add(_ process: any RunningProcess) {
        endWithProgram()
        state.withLock { $0.all[ObjectIdentifier(process)] = process }
    }

    static func remove(_ process: any RunningProcess) {
        state.withLock { $0.all[ObjectIdentifier(process)] = nil }
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
        let processes = state.withLock { Array($0.all.values) }
        let daemons = Children.running.filter(\.isDaemon)
        for process in processes where process.isDaemon { process.process.terminate() }
        for child in daemons { try? child.send(.terminate) }
        for process in processes { _ = try? process.process.join() }
        let deadline = Deadline(within: .seconds(2))
        for child in daemons where (try? child.join(until: deadline)) == nil {
            try? child.send(.kill)
            _ = try? child.join(until: .never)
        }
    }
}
