/// Why a ``Future`` gave no value, other than an error of the work itself.
public enum FutureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It was cancelled before the work began.
    case cancelled
    /// It has a result already, or was cancelled: a second one is not taken.
    case alreadyDone
    /// Its ``Promise`` was let go of without a result.
    case abandoned

    public var description: String {
        switch self {
        case .cancelled: "the future was cancelled before its work began"
        case .alreadyDone: "the future is done already; complete it once"
        case .abandoned: "the future's promise was let go of without a result; fulfil or fail it"
        }
    }
}
