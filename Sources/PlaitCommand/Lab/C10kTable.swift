/// Results as aligned text, for people.
struct C10kTable: CustomStringConvertible {
    let results: [C10kResult]
    /// Remarks about the results, one line each.
    let notes: [String]

    var description: String {
        let header = [
            "model", "clients", "held", "messages/s", "p50", "p99", "p99.9", "memory/client",
            "errors",
        ]
        let rows = [header] + results.map(cells)
        let widths = header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return column == 0 ? row[column] + space : space + row[column]
            }.joined(separator: "  ")
        }
        return (lines + notes).map { $0 + "\n" }.joined()
    }

    private func cells(_ result: C10kResult) -> [String] {
        [
            result.model.rawValue, result.clients.grouped, result.held.grouped,
            Int(result.messagesPerSecond.rounded()).grouped, time(result.p50Microseconds),
            time(result.p99Microseconds), time(result.p999Microseconds),
            result.bytesPerClient.map { "\($0.grouped) B" } ?? "-", result.errors.grouped,
        ]
    }

    private func time(_ microseconds: Double?) -> String {
        guard let microseconds else { return "-" }
        guard microseconds >= 1_000 else { return "\(Int(microseconds.rounded())) us" }
        let tenths = Int((microseconds / 100).rounded())
        return "\((tenths / 10).grouped).\(tenths % 10) ms"
    }
}

extension Int {
    /// The number with a comma every three digits.
    var grouped: String {
        var digits = String(magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (self < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }
}
