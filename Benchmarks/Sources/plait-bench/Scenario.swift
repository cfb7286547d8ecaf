/// What a program is put through. Figures that share a scenario share its runs.
enum Scenario: Hashable {
    /// A program that measures itself; ours is told the subject.
    case micro(String, floor: String?)
    /// Clients that each send a message and wait for it to come back, over and over.
    case echo(clients: Int, size: Int)
    /// Clients that connect anew for each message.
    case churn(clients: Int, size: Int)
    /// Clients that have been answered once and then stay connected.
    case idle(clients: Int)

    var contestants: [Contestant] {
        switch self {
        case .micro(_, floor: nil): [.ours]
        case .micro: [.ours, .floor]
        case .echo, .churn, .idle: [.ours, .floor, .peer]
        }
    }

    /// The name of the program that stands for a contestant.
    func program(of contestant: Contestant) -> String? {
        switch (self, contestant) {
        case (.micro, .ours): "ours-micro"
        case (.micro(_, let floor), .floor): floor
        case (.micro, .peer): nil
        case (_, .ours): "ours-echo"
        case (_, .floor): "floor-echo"
        case (_, .peer): "peer-nio"
        }
    }
}

enum Contestant: String, CaseIterable {
    case ours, floor, peer
}

/// One of the numbers that a run yields, in the unit that the table shows.
enum Metric: Hashable {
    /// What a micro program printed, nanoseconds or seconds.
    case value
    /// KiB for each fiber or client.
    case memory
    /// Requests a second.
    case rate
    /// Nanoseconds of the server's processor time a request.
    case cpu
    /// Milliseconds.
    case p99
}

typealias Measurement = [Metric: Double]
