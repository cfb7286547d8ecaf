internal import PlaitPlatform

/// The limits of messages between a ``Manager`` and its callers.
public struct ManagerLimits: Codable, Hashable, Sendable {
    /// The most bytes of a call or a result; by default, and at most, 2 to the 30th. A longer one
    /// throws ``ManagerError/tooLong(_:)``, and the connection goes on.
    public var messageBytes: Int
    /// How deep the values of calls and results may nest; 32 by default. A deeper result throws a
    /// `DecodingError`, and a deeper call a `RemoteError` with the manager's error. The manager's
    /// stacks grow with the depth; the caller decodes results on its own stack.
    public var depth: Int

    public init(messageBytes: Int = 1 << 30, depth: Int = 32) {
        demand(
            messageBytes >= 1_024 && messageBytes <= 1 << 30,
            "messages of \(messageBytes) bytes for a manager; give 1,024 to 2 to the 30th")
        demand(depth >= 8 && depth <= 10_000, "a depth of \(depth) for a manager; give 8 to 10,000")
        self.messageBytes = messageBytes
        self.depth = depth
    }

    /// The most bytes of a body behind a head of `head` bytes.
    func body(behind head: Int) -> Int { min(messageBytes, RequestHead.longest - head) }

    /// The size in bytes of a stack on which the manager decodes and runs a call.
    var stackSize: Int { max(1 << 20, depth * 16_384) }
}
