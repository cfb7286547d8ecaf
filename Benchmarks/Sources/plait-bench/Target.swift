/// The target of a figure.
enum Target: Hashable, CustomStringConvertible {
    /// The most that our value divided by the floor's may be, in one run.
    case ratioAtMost(Double)
    case ratioAtLeast(Double)
    /// The least that our value divided by the peer's may be, in one run.
    case peerRatioAtLeast(Double)
    /// A bound of our value itself, in the figure's unit.
    case atMost(Double)
    case atLeast(Double)

    /// The contestant with which the table's ratio compares our value.
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

    /// Whether the target is met; nil if the deciding number is missing.
    func isMet(ours: Double?, ratio: Double?) -> Bool? {
        switch self {
        case .ratioAtMost(let limit): ratio.map { $0 <= limit }
        case .ratioAtLeast(let limit), .peerRatioAtLeast(let limit): ratio.map { $0 >= limit }
        case .atMost(let limit): ours.map { $0 <= limit }
        case .atLeast(let limit): ours.map { $0 >= limit }
        }
    }
}
