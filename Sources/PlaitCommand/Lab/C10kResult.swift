/// The measurements of one model.
struct C10kResult {
    let model: Model
    /// The number of clients asked for.
    let clients: Int
    var held = 0
    var errors = 0
    var messagesPerSecond = 0.0
    /// The median of the round trips; nil when no message was exchanged.
    var p50Microseconds: Double?
    var p99Microseconds: Double?
    var p999Microseconds: Double?
    /// The server's memory for each client; nil when it could not be measured.
    var bytesPerClient: Int?

    init(model: Model, clients: Int) {
        self.model = model
        self.clients = clients
    }

    var isGood: Bool { errors == 0 && held == clients }

    mutating func take(_ report: ClientReport) {
        held = report.held
        errors = report.errors
        if report.seconds > 0 { messagesPerSecond = Double(report.messages) / report.seconds }
        p50Microseconds = report.p50Microseconds
        p99Microseconds = report.p99Microseconds
        p999Microseconds = report.p999Microseconds
    }
}

/// The output of `--json`.
struct C10kResults: Encodable {
    let results: [C10kResult]
}

extension C10kResult: Encodable {
    private enum CodingKeys: CodingKey {
        case model, clients, held, errors, messagesPerSecond, p50Microseconds, p99Microseconds
        case p999Microseconds, bytesPerClient
    }

    /// Written by hand, so that unknown values are `null` instead of missing.
    func encode(to encoder: any Encoder) throws {
        var keys = encoder.container(keyedBy: CodingKeys.self)
        try keys.encode(model, forKey: .model)
        try keys.encode(clients, forKey: .clients)
        try keys.encode(held, forKey: .held)
        try keys.encode(errors, forKey: .errors)
        try keys.encode(messagesPerSecond, forKey: .messagesPerSecond)
        try keys.encode(p50Microseconds, forKey: .p50Microseconds)
        try keys.encode(p99Microseconds, forKey: .p99Microseconds)
        try keys.encode(p999Microseconds, forKey: .p999Microseconds)
        try keys.encode(bytesPerClient, forKey: .bytesPerClient)
    }
}
