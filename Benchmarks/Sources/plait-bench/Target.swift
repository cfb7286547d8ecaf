/// What a figure has to reach.
enum Target: Hashable, CustomStringConvertible {
    /// Ours divided by the floor of the same run.
    case ratioAtMost(Double)
    case ratioAtLeast(Double)
    /// Ours divided by the peer of the same run.
    case peerRatioAtLeast(Double)
    /// Ours as it is, in the figure's unit.
    case atMost(Double)
    case atLeast(Double)

    /// Whom the table's ratio compares ours with.
    var baseline: Contestant {
        switch self {
        case .peerRatioAtLeast: .peer
        case .ratioAtMost, .ratioAtLeast, .atMost, .atLeast: .floor
        }
    }

    var value: Double {
        switch self {
        case .ratioAtMost(let value), .ratioAtLeast(let value), .peerRatioAtLeast(let value),
            .atMost(let value), .atLeast(let value):
            value
        }
    }

    var rule: String {
        switch self {
        case .ratioAtMost: "ratio <= target"
        case .ratioAtLeast: "ratio >= target"
        case .peerRatioAtLeast: "ratio to peer >= target"
        case .atMost: "ours <= target"
        case .atLeast: "ours >= target"
        }
    }

    var description: String {
        switch self {
        case .ratioAtMost(let value): "≤ \(value) ×"
        case .ratioAtLeast(let value): "≥ \(value) ×"
        case .peerRatioAtLeast(let value): "≥ \(value) × peer"
        case .atMost(let value): "≤ \(value)"
        case .atLeast(let value): "≥ \(value)"
        }
    }

    /// Nil if the number that decides is missing.
    func isMet(ours: Double?, ratio: Double?) -> Bool? {
        switch self {
        case .ratioAtMost(let limit): ratio.map { $0 <= limit }
        case .ratioAtLeast(let limit), .peerRatioAtLeast(let limit): ratio.map { $0 >= limit }
        case .atMost(let limit): ours.map { $0 <= limit }
        case .atLeast(let limit): ours.map { $0 >= limit }
        }
    }
}
