/// The limit of a verb that has a result passed before the result was there.
///
/// The only error of this kind in Plait. A verb without a result returns `false` instead.
public struct TimedOut: Error, Codable, Hashable, Sendable, CustomStringConvertible {
    /// What was not done, and to which object: `get from Queue jobs`.
    public let verb: String

    public init(_ verb: String) { self.verb = verb }

    public var description: String { "\(verb) was not done within its limit" }
}
