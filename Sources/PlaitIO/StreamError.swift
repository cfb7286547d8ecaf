/// Why a stream did not do what it was asked. What the system said is a `SystemError`; a limit that
/// has passed is `TimedOut`.
public enum StreamError: Error, Hashable, Sendable, CustomStringConvertible {
    /// This program closed the stream or listener, before or during the call.
    case closed
    /// The peer ended its side after `received` of the `expected` bytes. They are still to be read.
    case endOfStream(received: Int, expected: Int)
    /// No end of line within `limit` bytes. They are still to be read.
    case lineTooLong(limit: Int)
    /// More than `limit` bytes came, or were announced. They are still to be read.
    case tooLong(limit: Int)
    /// A line is not UTF-8, and ``InvalidUTF8/refuse`` was asked for. It is still to be read.
    case invalidUTF8

    public var description: String {
        switch self {
        case .closed: "the stream was closed by this program"
        case .endOfStream(let received, let expected):
            "the peer ended the stream after \(received) of \(expected) bytes"
        case .lineTooLong(let limit): "no end of line within \(limit) bytes; raise the limit"
        case .tooLong(let limit): "the peer sent more than \(limit) bytes; raise the limit"
        case .invalidUTF8: "the line is not UTF-8; read it as bytes, or have it repaired"
        }
    }
}

/// What becomes of bytes that are not UTF-8 where a text is read.
public enum InvalidUTF8: Sendable {
    /// Each such sequence becomes U+FFFD, the replacement character.
    case repair
    /// Throws ``StreamError/invalidUTF8``, and leaves the bytes to be read.
    case refuse
}
