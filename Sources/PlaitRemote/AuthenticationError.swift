public import PlaitPlatform

/// A connection was not made, for one side did not show that it has the other's key.
public struct AuthenticationError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// The other side answered the challenge by another key.
        case wrongKey
        /// The other side found that this side's key is another.
        case rejected
        /// The other side said nothing, or too little, within the limit of the handshake.
        case silent
        /// The other side sent something else than a handshake, such as one without a key does.
        case noHandshake
        /// The other side went away meanwhile.
        case goneAway
    }

    /// At the listener, where the connection came from, or the listener's own address where that
    /// has none; else the address that was to be connected to.
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
