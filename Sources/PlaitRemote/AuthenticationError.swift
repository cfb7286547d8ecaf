public import PlaitPlatform

/// A connection failed because one side did not prove that it has the other's key.
public struct AuthenticationError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// The other side answered the challenge with another key.
        case wrongKey
        /// The other side rejected this side's key.
        case rejected
        /// The other side sent nothing, or too little, within the limit of the handshake.
        case silent
        /// The other side sent something that is not a handshake, as a program without a key does.
        case noHandshake
        /// The other side went away during the handshake.
        case goneAway
    }

    /// At a listener, the address of the client, or the listener's own address if the client has
    /// none. At a client, the address of the listener.
    public let address: SocketAddress
    public let reason: Reason

    public var description: String {
        switch reason {
        case .wrongKey: "\(address) has another key; give both sides the same"
        case .rejected: "\(address) rejected this side's key; give both sides the same"
        case .silent: "\(address) did not authenticate itself within the limit"
        case .noHandshake: "\(address) sent no handshake; give both sides a key, or neither"
        case .goneAway: "\(address) went away before it had authenticated itself"
        }
    }
}
