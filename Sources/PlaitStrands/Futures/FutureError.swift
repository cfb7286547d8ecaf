/// Why a ``Future`` has no value, apart from errors of the work itself.
public enum FutureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It was not done within the limit; the work goes on.
    case timedOut
    /// The future was cancelled before its work began.
    case cancelled
    /// The future has a result already, or was cancelled. It takes no second result.
    case alreadyDone
    /// The future's ``Promise`` was dropped without a result.
    case abandoned
    /// Some of the futures were not done within the limit: how many, and of how many.
    case unfinished(Int, of: Int)

    public var description: String {
        switch self {
        case .timedOut: "the future was not done within the limit; wait longer or cancel it"
        case .cancelled: "the future was cancelled before its work began"
        case .alreadyDone: "the future is done already; complete it once"
        case .abandoned: "the future's promise was dropped without a result; fulfil or fail it"
        case .unfinished(let count, let all): "\(count) (of \(all)) futures unfinished"
        }
    }
}
