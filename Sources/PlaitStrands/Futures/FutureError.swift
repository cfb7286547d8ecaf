/// Why a ``Future`` gave no value, other than an error of the work itself.
public enum FutureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It was not done within the limit; the work goes on.
    case timedOut
    /// It was cancelled before the work began.
    case cancelled
    /// It has a result already, or was cancelled: a second one is not taken.
    case alreadyDone
    /// Its ``Promise`` was let go of without a result.
    case abandoned
    /// So many of all the futures waited for were not done within the limit.
    case unfinished(Int, of: Int)

    public var description: String {
        switch self {
        case .timedOut: "the future was not done within the limit; wait longer or cancel it"
        case .cancelled: "the future was cancelled before its work began"
        case .alreadyDone: "the future is done already; complete it once"
        case .abandoned: "the future's promise was let go of without a result; fulfil or fail it"
        case .unfinished(let count, let all): "\(count) (of \(all)) futures unfinished"
        }
    }
}
