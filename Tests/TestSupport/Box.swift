internal import PlaitPlatform

/// A value that strands share.
///
/// Guarded by Plait's lock rather than a `Mutex`: the thread sanitizer understands it.
public final class Box<Value: Sendable>: @unchecked Sendable {
    // Sendable: `guardLock` guards `contents`.
    private let guardLock = ShortLock()
    private var contents: Value

    public init(_ value: Value) { contents = value }

    public var value: Value { guardLock.withLock { contents } }
    public func set(_ value: Value) { guardLock.withLock { contents = value } }

    @discardableResult
    public func update<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        guardLock.withLock { body(&contents) }
    }
}

/// Random numbers that are the same in every run: splitmix64.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
