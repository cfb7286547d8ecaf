/// Why a ``Connection`` did not send or receive. A failed system call throws `SystemError`. Past a
/// limit a call throws `TimedOut`, and the received part of a message is kept for the next call.
public enum ConnectionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// This program closed the connection.
    case closed
    /// The other end was closed, or its process has ended, and every message has been received.
    case endOfStream
    /// The other end went away in the middle of a message.
    case truncated
    /// An earlier send ended in the middle of a message, so nothing can be sent any more.
    case cut
    /// The connection to send has taken in messages that nobody has received.
    case unread
    /// This end only sends, or only receives.
    case wrongDirection(String)
    /// The next message has more bytes than the receiver allows. A later call can receive it.
    case tooLong(size: Int, limit: Int)
    /// The next message is of another kind than the call receives. The right call can receive it.
    case otherKind(expected: String, found: String)
    /// A descriptor was sent, but this process is at its limit of descriptors and could not take
    /// it.
    case descriptorLost
    /// A descriptor or connection cannot go over TCP, only over a Unix socket.
    case noDescriptors
    /// The received bytes are not a message, so the other end is not a ``Connection``.
    case malformed

    public var description: String {
        switch self {
        case .closed: "the connection was closed by this program"
        case .endOfStream: "the other end of the connection was closed"
        case .truncated: "the other end of the connection went away in the middle of a message"
        case .cut: "an earlier send ended in the middle of a message; make a new connection"
        case .unread:
            "the connection has taken in messages; receive them before it is sent"
        case .wrongDirection(let only): "this end of the connection only \(only)"
        case .tooLong(let size, let limit):
            "the next message has \(size) bytes, more than \(limit); raise the limit"
        case .otherKind(let expected, let found):
            "the next message is \(found), not \(expected); receive it as what it is"
        case .descriptorLost:
            "a descriptor was lost, most likely at the limit of open ones; raise it (ulimit -n)"
        case .noDescriptors: "no descriptor goes over TCP; use a connection over a Unix socket"
        case .malformed: "the received bytes are not a message of a Connection"
        }
    }
}
