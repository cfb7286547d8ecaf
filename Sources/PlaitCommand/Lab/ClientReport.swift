/// The report of the clients' process at its end, as one line of JSON.
struct ClientReport: Codable {
    /// How many clients were connected to the end, with every byte right.
    var held: Int
    /// How many clients failed.
    var errors: Int
    /// The error of the first client that failed.
    var firstError: String?
    var messages: UInt64
    /// How long the clients exchanged messages.
    var seconds: Double
    /// The median time from a message's first byte to its echo's last byte; nil without any
    /// message.
    var p50Microseconds: Double?
    var p99Microseconds: Double?
    var p999Microseconds: Double?
}

/// The progress of the clients' process, each report a line of text.
enum ClientProgress: Equatable {
    /// This many clients have got their first message back.
    case connected(Int)
    /// The clients have exchanged messages for this many milliseconds.
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
