import Foundation

/// The rows as aligned text.
struct Table: CustomStringConvertible {
    let rows: [Row]

    private struct Column {
        let title: String
        var isNumber = false
        let cell: (Row) -> String
    }

    var description: String {
        let columns = columns
        let lines = [columns.map(\.title)] + rows.map { row in columns.map { $0.cell(row) } }
        let widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            columns.indices.map { column in
                pad(line[column], to: widths[column], onLeft: columns[column].isNumber)
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private var columns: [Column] {
        let target = Column(title: "target", isNumber: true) { $0.figure.target.description }
        // Without Go there is no column for it.
        let go = rows.contains { $0.summaries[.go] != nil } ? [medians(of: .go, "Go")] : []
        return [
            Column(title: "figure") { $0.figure.name },
            Column(title: "unit") { $0.figure.unit },
            medians(of: .ours, "ours"),
            medians(of: .floor, "floor"),
            Column(title: "ratio", isNumber: true) { number($0.ratio, 2) },
            target,
            medians(of: .peer, "peer"),
        ] + go + [
            Column(title: "spread", cell: spread),
            Column(title: "") { $0.verdict.rawValue },
        ]
    }

    private func medians(of contestant: Contestant, _ title: String) -> Column {
        Column(title: title, isNumber: true) {
            number($0.summaries[contestant]?.median, $0.figure.decimals)
        }
    }

    /// The spread of our values from the smallest to the largest; that of the floor if there are
    /// none of ours.
    private func spread(_ row: Row) -> String {
        let decimals = row.figure.decimals
        func text(_ summary: Summary) -> String {
            number(summary.min, decimals) + "…" + number(summary.max, decimals)
        }
        if let ours = row.summaries[.ours] { return text(ours) }
        if let floor = row.summaries[.floor] { return "floor " + text(floor) }
        return "-"
    }

    private func number(_ value: Double?, _ decimals: Int) -> String {
        guard let value else { return "-" }
        return String(format: "%.\(decimals)f", value)
    }

    private func pad(_ text: String, to width: Int, onLeft: Bool) -> String {
        let spaces = String(repeating: " ", count: max(0, width - text.count))
        return onLeft ? spaces + text : text + spaces
    }
}
