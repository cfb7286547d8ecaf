/// Why a queue did not take or give an item.
public enum QueueError: String, Error, Codable, Hashable, Sendable, CustomStringConvertible {
    /// ``BlockingQueue/shutDown(immediately:)`` was called. The queue takes no more items, and none
    /// is left in it.
    case shutDown

    public var description: String {
        switch self {
        case .shutDown: "the queue was shut down"
        }
    }
}
