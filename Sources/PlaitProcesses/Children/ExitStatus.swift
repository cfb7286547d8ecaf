public import PlaitPlatform

/// How a process ended.
public enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
    /// The process exited with this code; 0 means success.
    case code(Int32)
    /// A signal ended the process: from its own trap, another process, or the system.
    case signal(Signal)
    /// Something else in this program took the status from the system before Plait did, such as a
    /// `waitpid(-1)` of a C library.
    case lost

    /// Nil if the process has not ended.
    init?(_ ending: Processes.Ending) {
        switch ending {
        case .notYet: return nil
        case .code(let code): self = .code(code)
        case .signal(let signal): self = .signal(signal)
        case .lost: self = .lost
        }
    }

    public var isSuccess: Bool { self == .code(0) }

    public var description: String {
        switch self {
        case .code(let code): "exit code \(code)"
        case .signal(let signal): signal.description
        case .lost: "status unknown: other code of this program took it"
        }
    }
}

/// A process with several threads was asked to fork. The child would have only one of them, and
/// locks that the others held would stay locked in it for ever.
public struct MultiThreadedFork: Error, Hashable, Sendable, CustomStringConvertible {
    /// How many threads there were.
    public let threads: Int
    /// The names of those threads that have not ended since.
    public let names: [String]

    public var description: String {
        """
        fork refused: the process has \(threads) threads (\(names.joined(separator: ", "))); fork \
        before starting threads, or use another start method
        """
    }
}
