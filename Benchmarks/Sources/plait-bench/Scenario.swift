/// The test that a program undergoes. Figures that share a scenario share its runs.
enum Scenario: Hashable, CustomStringConvertible {
    case micro(Micro)
    /// Clients that each send a message and wait for it to come back, over and over.
    case echo(clients: Int, size: Int)
    /// Clients that make a new connection for each message.
    case churn(clients: Int, size: Int)
    /// Clients that have been answered once and then stay connected.
    case idle(clients: Int)

    /// The program of a contestant; nil if it does not take part.
    func command(of contestant: Contestant) -> Command? {
        switch (self, contestant) {
        case (.micro(let micro), _): micro.command(of: contestant)
        case (_, .ours): "ours-echo"
        case (_, .floor): "floor-echo"
        case (_, .peer): "peer-nio"
        case (_, .go): nil
        }
    }

    var description: String {
        switch self {
        case .micro(let micro): micro.subject
        case .echo(let clients, let size): "echo, \(clients) clients, \(size) B"
        case .churn(let clients, let size): "churn, \(clients) clients, \(size) B"
        case .idle(let clients): "idle, \(clients) clients"
        }
    }
}

enum Contestant: String, CaseIterable {
    case ours, floor, peer
    /// Takes part only if Go is installed.
    case go
}

/// One of the numbers that a run yields, in the unit that the table shows.
enum Metric: Hashable {
    /// The value that a micro program printed, in the figure's unit.
    case value
    /// Million operations a second, from the nanoseconds that a micro program printed.
    case millions
    /// KiB for each fiber or client.
    case memory
    /// Requests a second.
    case rate
    /// Nanoseconds of the server's processor time for each request.
    case cpu
    /// Milliseconds.
    case p99
}

typealias Measurement = [Metric: Double]
