/// Why a queue did not take or give an item.
public enum QueueError: String, Error, Codable, Hashable, Sendable, CustomStringConvertible {
    /// No item came within the limit.
    case empty
    /// No place became free within the limit.
    case full
    /// ``BlockingQueue/shutDown(immediately:)`` was called. The queue takes no more items, and none
    /// is left in it.
    case shutDown

    public var description: String {
        switch self {
        case .empty: "the queue stayed empty within the limit; wait longer or put an item"
        case .full: "the queue stayed full within the limit; wait longer or get an item"
        case .shutDown: "the queue was shut down"
        }
    }
}
