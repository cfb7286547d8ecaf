/// A figure with its measurements.
struct Row {
    enum Verdict: String {
        case pass
        case miss = "MISS"
        case failed = "FAILED"
        /// The program that the figure is about has not been built.
        case absent = "-"

        var isBad: Bool { self == .miss || self == .failed }
    }

    let figure: Figure
    let summaries: [Contestant: Summary]
    /// Our value divided by that of the target's baseline, which is the floor by default.
    let ratio: Double?
    let verdict: Verdict

    init(_ figure: Figure, samples: Samples) {
        var summaries: [Contestant: Summary] = [:]
        for contestant in Contestant.allCases {
            summaries[contestant] = samples.summary(figure, contestant)
        }
        self.figure = figure
        self.summaries = summaries
        let ours = summaries[.ours]?.median
        let baseline = summaries[figure.target.baseline]?.median
        ratio = if let ours, let baseline, baseline > 0 { ours / baseline } else { nil }
        let hasFailure = Contestant.allCases.contains { samples.hasFailure(figure.scenario, $0) }
        verdict =
            if hasFailure {
                .failed
            } else if let isMet = figure.target.isMet(ours: ours, ratio: ratio) {
                isMet ? .pass : .miss
            } else {
                .absent
            }
    }
}

extension Row: Encodable {
    private enum Key: String, CodingKey {
        case figure, unit, ours, floor, ratio, target, rule, peer, go, spread, met, verdict
    }

    // Written by hand, so that a missing number is null and not left out.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(figure.name, forKey: .figure)
        try container.encode(figure.unit, forKey: .unit)
        try container.encode(summaries[.ours]?.median, forKey: .ours)
        try container.encode(summaries[.floor]?.median, forKey: .floor)
        try container.encode(ratio, forKey: .ratio)
        try container.encode(figure.target.value, forKey: .target)
        try container.encode(figure.target.rule, forKey: .rule)
        try container.encode(summaries[.peer]?.median, forKey: .peer)
        try container.encode(summaries[.go]?.median, forKey: .go)
        let spread = summaries.map { ($0.key.rawValue, [$0.value.min, $0.value.max]) }
        try container.encode(Dictionary(uniqueKeysWithValues: spread), forKey: .spread)
        let met: Bool? =
            switch verdict {
            case .pass: true
            case .miss, .failed: false
            case .absent: nil
            }
        try container.encode(met, forKey: .met)
        try container.encode(verdict.rawValue, forKey: .verdict)
    }
}
