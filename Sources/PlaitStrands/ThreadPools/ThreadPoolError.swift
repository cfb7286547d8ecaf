/// Why a ``ThreadPool`` did not take work.
public enum ThreadPoolError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The pool was shut down, or the program ends.
    case shutDown
    /// The pool's workers cannot work: the initializer threw, or no thread could be started. All
    /// work that had not begun has failed with this error.
    case broken(reason: String)

    public var description: String {
        switch self {
        case .shutDown: "the thread pool was shut down and takes no more work"
        case .broken(let reason): "the thread pool is broken: \(reason)"
        }
    }
}
