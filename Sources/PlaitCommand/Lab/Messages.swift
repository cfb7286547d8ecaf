internal import Plait

/// Random bytes. Clients send slices of them, so that making a message costs nothing.
///
/// The same seed gives the same bytes, sizes and places.
struct Messages {
    /// At least twice as long as the longest message, since a slice starts anywhere in the first
    /// half.
    private let bytes: [UInt8]
    private let sizes: ClosedRange<Int>

    /// - Parameter largest: The largest size. Sizes are spread evenly from 16 (or `largest` if that
    ///   is less) to this.
    init(seed: UInt64, largest: Int) {
        var random = SeededRandom(seed)
        let count = max(65_536, 2 * largest)
        bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        sizes = min(16, largest)...largest
    }

    /// The place of a client's next message.
    func next(_ random: inout SeededRandom) -> Range<Int> {
        let size = Int.random(in: sizes, using: &random)
        let start = Int.random(in: 0...(bytes.count / 2), using: &random)
        return start..<(start + size)
    }

    /// Lends the bytes of a message to `body`.
    func withMessage<Result>(
        _ range: Range<Int>, _ body: (RawSpan) throws -> Result
    ) rethrows -> Result {
        try body(unsafe bytes.span.bytes.extracting(range))
    }

    /// Whether `received` equals the bytes at `start`.
    func match(_ received: RawSpan, at start: Int) -> Bool {
        let end = start + received.byteCount
        guard end <= bytes.count else { return false }
        return withMessage(start..<end) { areEqual($0, received) }
    }
}

/// SplitMix64: small, fast and the same everywhere.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
