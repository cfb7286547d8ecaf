internal import PlaitPlatform
internal import PlaitStrands
internal import Synchronization

/// What the end of the program needs of a process that runs a function.
protocol RunningProcess: AnyObject, Sendable {
    var isDaemon: Bool { get }
    var process: ChildProcess { get }
}

extension ProcessHandle: RunningProcess {}

/// Processes that run functions: at its end, the program waits for them, and ends the daemons first.
enum RunningProcesses {
    private static let all = Mutex<[ObjectIdentifier: any RunningProcess]>([:])
    private static let registered: Void = {
        // Where the end has begun, nobody waits.
        _ = try? ProgramEnd.perform { finish() }
    }()

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
        for process in processes where process.isDaemon { process.process.terminate() }
        for process in processes { _ = try? process.process.join() }
    }
}
