/// The limit of a call passed before its result was there.
///
/// This is Plait's only error of this kind. A verb without a result returns `false` instead.
public struct TimedOut: Error, Codable, Hashable, Sendable, CustomStringConvertible {
    /// The verb and the object that did not succeed in time, such as `get from Queue jobs`.
    public let verb: String
    /// What a command had written to its standard output by then; empty for every other verb.
    public let output: [UInt8]
    /// What a command had written to its standard error by then; empty for every other verb.
    public let errorOutput: [UInt8]

    public init(_ verb: String, output: [UInt8] = [], errorOutput: [UInt8] = []) {
        self.verb = verb
        self.output = output
        self.errorOutput = errorOutput
    }

    public var description: String { "\(verb) was not done within its limit" }
}
