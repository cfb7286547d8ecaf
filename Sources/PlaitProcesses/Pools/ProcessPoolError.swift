/// Why a ``ProcessPool`` did not do what it was asked. What a function threw, and
/// ``WorkerCrashed``, are errors of their own.
public enum ProcessPoolError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It was closed, and takes no more.
    case closed
    /// It was terminated before the work was done.
    case terminated
    /// No place became free within the limit.
    case full
    /// The function ran for longer than its limit: its worker was killed.
    case timedOut(Duration)
    /// Its worker had more than so many bytes of memory resident while the function ran, and was
    /// killed.
    case tooLarge(limit: Int)
    /// Its workers cannot work: the initializer threw, or none could be started. All work failed
    /// with this.
    case broken(reason: String)

    public var description: String {
        switch self {
        case .closed: "the process pool was closed and takes no more work"
        case .terminated: "the process pool was terminated before the work was done"
        case .full:
            "the process pool stayed full within the limit; wait longer or raise its capacity"
        case .timedOut(let limit):
            "the function ran for longer than \(limit); its worker was killed"
        case .tooLarge(let limit):
            "a worker had more than \(limit) bytes resident and was killed; raise residentLimit"
        case .broken(let reason): "the process pool is broken: \(reason)"
        }
    }
}
