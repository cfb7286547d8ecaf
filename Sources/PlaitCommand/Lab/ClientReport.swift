/// What the process of the clients tells at its end, as a line of JSON.
struct ClientReport: Codable {
    /// Clients that were connected to the end, with every byte right.
    var held: Int
    /// Clients that failed.
    var errors: Int
    /// What the first of them failed of.
    var firstError: String?
    var messages: UInt64
    /// How long they were exchanged.
    var seconds: Double
    /// Between a message's first byte and its echo's last; nil without any.
    var p50Microseconds: Double?
    var p99Microseconds: Double?
    var p999Microseconds: Double?
}

/// What the process of the clients tells on its way, each a line of text.
enum ClientProgress: Equatable {
    /// So many have had their first message back.
    case connected(Int)
    /// They have exchanged messages for so many milliseconds.
    case exchanging(Int)
    /// They hold their connections until standard input ends.
    case exchanged

    var line: String {
        switch self {
        case .connected(let count): "connected \(count)"
        case .exchanging(let milliseconds): "exchanging \(milliseconds)"
        case .exchanged: "exchanged"
        }
    }

    init?(line: String) {
        let words = line.split(separator: " ")
        switch (words.first, words.count, words.last.flatMap { Int($0) }) {
        case ("connected", 2, .some(let count)): self = .connected(count)
        case ("exchanging", 2, .some(let milliseconds)): self = .exchanging(milliseconds)
        case ("exchanged", 1, _): self = .exchanged
        default: return nil
        }
    }
}
