public import PlaitPlatform

/// How a process ended.
public enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
    /// It exited with this code; 0 says that all was well.
    case code(Int32)
    /// A signal ended it: its own trap, another process, or the system.
    case signal(Signal)
    /// Something else in this program took the status from the system before Plait did, such as a
    /// `waitpid(-1)` of a C library.
    case lost

    /// Nil for what has not ended.
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

/// A process that runs several threads was asked to fork: the child would have one of them, and the
/// locks that the others held would stay locked in it for ever.
public struct MultiThreadedFork: Error, Hashable, Sendable, CustomStringConvertible {
    /// How many threads there were.
    public let threads: Int
    /// Their names, as far as they had not ended since.
    public let names: [String]

    public var description: String {
        """
        fork refused: the process has \(threads) threads (\(names.joined(separator: ", "))); fork \
        before starting threads, or use another start method
        """
    }
}
