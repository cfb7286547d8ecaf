/// Why a queue did not take or give an item.
public enum QueueError: String, Error, Codable, Hashable, Sendable, CustomStringConvertible {
    /// ``BlockingQueue/shutDown(immediately:)`` was called: nothing more is taken, and nothing is
    /// left.
    case shutDown

    public var description: String {
        switch self {
        case .shutDown: "the queue was shut down"
        }
    }
}
