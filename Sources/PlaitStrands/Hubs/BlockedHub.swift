internal import PlaitPlatform

/// A thread that has kept its hub from getting on: what ``HubMonitor`` reports.
public struct BlockedHub: Sendable, CustomStringConvertible {
    /// What has the thread.
    public enum Occupant: Hashable, Sendable {
        /// A fiber that computes, or blocks in a call of the system's, of this name.
        case fiber(String)
        /// A callback or task that runs on the hub's loop.
        case callback
        /// The thread's own code, while fibers of its hub are ready.
        case thread
        /// It could not be looked at: the thread blocks real-time signals.
        case unknown
    }

    public let occupant: Occupant
    /// The name of the hub's thread.
    public let thread: String
    /// How long at least.
    public let duration: Duration
    private let trace: StackTrace?

    init(occupant: Occupant, thread: String, duration: Duration, trace: StackTrace?) {
        self.occupant = occupant
        self.thread = thread
        self.duration = duration
        self.trace = trace
    }

    /// Where it was when looked at, a line a function, innermost first: `name + offset (module)`,
    /// or `module+0xoffset`, as addr2line takes it, where the program's files have no name for it.
    ///
    /// Names are looked up in files by each call: milliseconds. Empty if it could not be looked at.
    public var stack: [String] { trace?.lines ?? [] }

    /// Which strand has kept what for how long, and the stack.
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
