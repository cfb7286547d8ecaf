/// Why a ``ProcessPool`` did not do what it was asked to do. Errors of functions and
/// ``WorkerCrashed`` are separate errors.
public enum ProcessPoolError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The pool was closed and takes no more work.
    case closed
    /// The pool was terminated before the work was done.
    case terminated
    /// The function ran longer than its limit, so its worker was killed.
    case timedOut(Duration)
    /// The worker had more than `limit` resident bytes while the function ran, and was killed.
    case tooLarge(limit: Int)
    /// The pool's workers cannot work: the initializer threw, or no worker could be started. All
    /// work has failed with this error.
    case broken(reason: String)

    public var description: String {
        switch self {
        case .closed: "the process pool was closed and takes no more work"
        case .terminated: "the process pool was terminated before the work was done"
        case .timedOut(let limit):
            "the function ran for longer than \(limit); its worker was killed"
        case .tooLarge(let limit):
            "a worker had more than \(limit) bytes resident and was killed; raise residentLimit"
        case .broken(let reason): "the process pool is broken: \(reason)"
        }
    }
}
