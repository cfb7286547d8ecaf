internal import PlaitPlatform

/// A hub that made no progress because something kept its thread. ``HubMonitor`` reports it.
public struct BlockedHub: Sendable, CustomStringConvertible {
    /// What keeps the thread.
    public enum Occupant: Hashable, Sendable {
        /// The named fiber, which computes or blocks in a system call.
        case fiber(String)
        /// A callback or task that runs on the hub's loop.
        case callback
        /// The thread's own code, while fibers of its hub are ready.
        case thread
        /// The monitor could not look at the thread, because the thread blocks real-time signals.
        case unknown
    }

    public let occupant: Occupant
    /// The name of the hub's thread.
    public let thread: String
    /// For how long at least.
    public let duration: Duration
    private let trace: StackTrace?

    init(occupant: Occupant, thread: String, duration: Duration, trace: StackTrace?) {
        self.occupant = occupant
        self.thread = thread
        self.duration = duration
        self.trace = trace
    }

    /// Where the thread was, one line for each function, innermost first: `name + offset (module)`.
    /// If the program's files have no name for a function, the line is `module+0xoffset`, as
    /// addr2line takes it.
    ///
    /// Each access looks up the names in files, which takes milliseconds. Empty if the monitor
    /// could not look at the thread.
    public var stack: [String] { trace?.lines ?? [] }

    /// What has kept the hub, for how long, and the stack.
    public var description: String {
        let milliseconds = duration.nanosecondsClamped / 1_000_000
        let who =
            switch occupant {
            case .fiber(let name): "fiber '\(name)' has kept hub '\(thread)'"
            case .callback: "a loop callback has kept hub '\(thread)'"
            case .thread: "thread '\(thread)' has kept its ready fibers waiting"
            case .unknown: "something has kept hub '\(thread)'"
            }
        return (["\(who) for \(milliseconds) ms:"] + stack.map { "    \($0)" })
            .joined(separator: "\n")
    }
}
