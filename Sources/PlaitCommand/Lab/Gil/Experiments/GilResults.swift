/// The whole of `plait lab gil --json`. What was not measured is `null`.
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
        /// Median.
        let seconds: Double
        /// To the time in sequence; below 1 is faster.
        let ratio: Double
        /// A run.
        let switches: Int
    }

    /// Of the two together.
    let instructions: Int
    /// One thread doing one piece after the other; median.
    let sequenceSeconds: Double
    let threads: [Trial]

    var instructionsPerSecond: Double { Double(instructions) / sequenceSeconds }
}

/// Round trips of an echo thread.
struct EchoResult: Sendable {
    let policy: String
    /// Beside a thread that computes.
    let hasHog: Bool
    var roundTrips = 0
    var perSecond = 0.0
    /// nil when no round trip ended.
    var p50Microseconds: Double?
    var p99Microseconds: Double?
    /// One that had not ended counts for as long as it was waited for.
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

    /// Written out, so that what is not known is `null` instead of missing.
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

/// Two threads that count, step by step and at large.
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
