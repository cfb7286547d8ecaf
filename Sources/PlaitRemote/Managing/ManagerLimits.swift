internal import PlaitPlatform

/// What a ``Manager`` and its callers take from each other.
public struct ManagerLimits: Codable, Hashable, Sendable {
    /// Bytes of a call or a result, at most; 2 to the 30th if not said, and at most. One with more
    /// throws ``ManagerError/tooLong(_:)``, and the connection goes on.
    public var messageBytes: Int
    /// How deep the values of calls and results may nest; 32 if not said. One that is deeper throws
    /// a `DecodingError`, or a `RemoteError` that tells the manager's. The manager's stacks grow
    /// with it; results are decoded on the caller's.
    public var depth: Int

    public init(messageBytes: Int = 1 << 30, depth: Int = 32) {
        demand(
            messageBytes >= 1_024 && messageBytes <= 1 << 30,
            "messages of \(messageBytes) bytes for a manager; give 1,024 to 2 to the 30th")
        demand(depth >= 8 && depth <= 10_000, "a depth of \(depth) for a manager; give 8 to 10,000")
        self.messageBytes = messageBytes
        self.depth = depth
    }

    /// Bytes behind a head of so many.
    func body(behind head: Int) -> Int { min(messageBytes, RequestHead.longest - head) }

    /// Bytes of a stack on which the manager decodes and runs a call.
    var stackSize: Int { max(1 << 20, depth * 16_384) }
}
