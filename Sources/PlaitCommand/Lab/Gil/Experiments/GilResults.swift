/// The output of `plait lab gil --json`. Values that were not measured are `null`.
struct GilResults: Encodable, Sendable {
    var computation: ComputationResult?
    var echo: [EchoResult] = []
    var lostUpdate: LostUpdateResult?

    private enum CodingKeys: CodingKey { case computation, echo, lostUpdate }

    func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        try keys.encode(computation, forKey: .computation)
        try keys.encode(echo, forKey: .echo)
        try keys.encode(lostUpdate, forKey: .lostUpdate)
    }
}

/// The same work by one thread and by two.
struct ComputationResult: Encodable, Sendable {
    struct Trial: Encodable, Sendable {
        let policy: String
        /// The median of the runs.
        let seconds: Double
        /// The ratio to the time in sequence; below 1 is faster.
        let ratio: Double
        /// The switches of one run.
        let switches: Int
    }

    /// The instructions of both threads together.
    let instructions: Int
    /// The median time of one thread that does both pieces of work.
    let sequenceSeconds: Double
    let threads: [Trial]

    var instructionsPerSecond: Double { Double(instructions) / sequenceSeconds }
}

/// Round trips of an echo thread.
struct EchoResult: Sendable {
    let policy: String
    /// Whether a computing thread ran beside it.
    let hasHog: Bool
    var roundTrips = 0
    var perSecond = 0.0
    /// The median; nil when no round trip ended.
    var p50Microseconds: Double?
    var p99Microseconds: Double?
    /// A round trip that had not ended counts with the time waited for it.
    var longestMicroseconds = 0.0
    var forcedReleases = 0
    var offers = 0
    var failedRetakes = 0

    init(policy: String, hasHog: Bool) {
        self.policy = policy
        self.hasHog = hasHog
    }
}

extension EchoResult: Encodable {
    private enum CodingKeys: CodingKey {
        case policy, hasHog, roundTrips, perSecond, p50Microseconds, p99Microseconds
        case longestMicroseconds, forcedReleases, offers, failedRetakes
    }

    /// Written by hand, so that unknown values are `null` instead of missing.
    func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        try keys.encode(policy, forKey: .policy)
        try keys.encode(hasHog, forKey: .hasHog)
        try keys.encode(roundTrips, forKey: .roundTrips)
        try keys.encode(perSecond, forKey: .perSecond)
        try keys.encode(p50Microseconds, forKey: .p50Microseconds)
        try keys.encode(p99Microseconds, forKey: .p99Microseconds)
        try keys.encode(longestMicroseconds, forKey: .longestMicroseconds)
        try keys.encode(forcedReleases, forKey: .forcedReleases)
        try keys.encode(offers, forKey: .offers)
        try keys.encode(failedRetakes, forKey: .failedRetakes)
    }
}

/// Two threads that count, step by step and freely.
struct LostUpdateResult: Encodable, Sendable {
    /// Two threads that counted freely for a while.
    struct AtLarge: Encodable, Sendable {
        let increments: Int
        let count: Int
    }

    let withoutLock: LostUpdateWalk
    let withLock: LostUpdateWalk
    let atLarge: AtLarge
}
