/// Why a stream did not do what it was asked to do. A failed system call throws `SystemError`, and
/// a call past its limit `TimedOut`.
public enum StreamError: Error, Hashable, Sendable, CustomStringConvertible {
    /// This program closed the stream or listener, before or during the call.
    case closed
    /// The peer ended its side after `received` of the `expected` bytes. These bytes can still be
    /// read.
    case endOfStream(received: Int, expected: Int)
    /// There was no end of a line within `limit` bytes. The bytes can still be read.
    case lineTooLong(limit: Int)
    /// More than `limit` bytes came or were announced. The bytes can still be read.
    case tooLong(limit: Int)
    /// A line is not UTF-8, and the caller gave ``InvalidUTF8/refuse``. The line can still be read.
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

/// What happens to bytes that are not UTF-8 when text is read.
public enum InvalidUTF8: Sendable {
    /// Replaces each such sequence by U+FFFD, the replacement character.
    case repair
    /// Throws ``StreamError/invalidUTF8`` and leaves the bytes unread.
    case refuse
}
