/// Why a stream did not do what it was asked. What the system said is a `SystemError`.
public enum StreamError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The limit passed. What was read or written before it is read or written.
    case timedOut(call: String)
    /// This program closed the stream or listener, before or during the call.
    case closed
    /// The peer ended its side after `received` of the `expected` bytes.
    case endOfStream(received: Int, expected: Int)
    /// No end of line within `limit` bytes. They are still to be read.
    case lineTooLong(limit: Int)

    public var description: String {
        switch self {
        case .timedOut(let call): "\(call) was not done within its limit; wait longer or close"
        case .closed: "the stream was closed by this program"
        case .endOfStream(let received, let expected):
            "the peer ended the stream after \(received) of \(expected) bytes"
        case .lineTooLong(let limit): "no end of line within \(limit) bytes; raise the limit"
        }
    }
}
