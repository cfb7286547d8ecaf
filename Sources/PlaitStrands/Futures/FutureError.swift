/// Why a ``Future`` has no value, apart from errors of the work itself.
public enum FutureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The future was cancelled before its work began.
    case cancelled
    /// The future has a result already, or was cancelled. It takes no second result.
    case alreadyDone
    /// The future's ``Promise`` was dropped without a result.
    case abandoned

    public var description: String {
        switch self {
        case .cancelled: "the future was cancelled before its work began"
        case .alreadyDone: "the future is done already; complete it once"
        case .abandoned: "the future's promise was dropped without a result; fulfil or fail it"
        }
    }
}
