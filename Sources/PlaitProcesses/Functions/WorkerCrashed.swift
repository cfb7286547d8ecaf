/// A process that ran a function ended without an answer, by a trap, a signal or an exit.
public struct WorkerCrashed: Error, Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public let pid: Int32
    /// How the process ended.
    public let status: ExitStatus
    /// The end of the process's standard error; for a trap, its message. Nil if nobody read that
    /// stream.
    public let message: String?
    /// The file and line of a trap, if its message gives them.
    public let file: String?
    public let line: Int?
    /// How many workers this item has crashed, including this one.
    public internal(set) var attempts = 1

    /// - Parameter said: The end of the process's standard error.
    init(name: String, pid: Int32, status: ExitStatus, said: [UInt8]) {
        self.name = name
        self.pid = pid
        self.status = status
        let lines = String(decoding: said, as: UTF8.self).split(whereSeparator: \.isNewline)
        // Text after the message, such as a stack that the runtime prints, is of no use here.
        guard let trap = lines.last(where: { $0.contains("Fatal error") }) else {
            message = lines.last.map(String.init)
            (file, line) = (nil, nil)
            return
        }
        // FILE:LINE: Fatal error: MESSAGE
        let parts = trap.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        if parts.count == 3, let number = Int(parts[1]) {
            (file, line) = (String(parts[0]), number)
            message = String(parts[2].drop { $0 == " " })
        } else {
            (file, line) = (nil, nil)
            message = String(trap)
        }
    }

    public var description: String {
        let place = file.map { " at \($0):\(line ?? 0)" } ?? ""
        let reason = message.map { ": \($0)" } ?? ""
        let times = attempts > 1 ? ", worker number \(attempts) that this item has ended" : ""
        return "process \(name) (\(pid)) ended by \(status)\(place)\(reason)\(times)"
    }
}

/// A function cannot be called in another process.
public enum ProcessFunctionError: Error, Codable, Hashable, Sendable, CustomStringConvertible {
    /// The function's type is private to a loaded library, so no other process finds it.
    case unreachable(String)
    /// The other process does not have the function, since it runs another version of the program.
    case unknown(String)
    /// The fork server could not be reached, or ended during the request. The function may have
    /// run.
    case noForkServer(String)

    public var description: String {
        switch self {
        case .unreachable(let type):
            "no other process finds \(type), which is private to a library; make it internal"
        case .unknown(let name):
            "process \(name) does not know the function: start children from the same program"
        case .noForkServer(let reason): "the fork server ended: \(reason); use another start method"
        }
    }
}
