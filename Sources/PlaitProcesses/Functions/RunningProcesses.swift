internal import PlaitPlatform
internal import PlaitStrands

/// What the end of the program needs of a process that runs a function.
protocol RunningProcess: AnyObject, Sendable {
    var isDaemon: Bool { get }
    var process: ChildProcess { get }
}

extension ProcessHandle: RunningProcess {}

/// Processes that run functions: at its end, the program waits for them, and ends the daemons first. So it
/// ends other children that are daemons, which get two seconds for it.
enum RunningProcesses {
    private static let all = Guarded<[ObjectIdentifier: any RunningProcess]>([:])
    private static let registered: Void = {
        // Where the end has begun, nobody waits.
        _ = try? ProgramEnd.perform { finish() }
    }()

    /// Sees to it that children that are daemons end with the program.
    static func endWithProgram() { registered }

    static func add(_ process: any RunningProcess) {
        registered
        all.withLock { $0[ObjectIdentifier(process)] = process }
    }

    static func remove(_ process: any RunningProcess) {
        all.withLock { $0[ObjectIdentifier(process)] = nil }
    }

    /// In a child, whose siblings they are.
    static func forget() { all.withLock { $0 = [:] } }

    private static func finish() {
        let processes = all.withLock { Array($0.values) }
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
