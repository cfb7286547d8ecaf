import Foundation

/// The rows as aligned text.
struct Table: CustomStringConvertible {
    let rows: [Row]

    var description: String {
        let header = [
            "figure", "unit", "ours", "floor", "ratio", "target", "peer", "spread", "",
        ]
        let lines = [header] + rows.map(cells)
        let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            zip(line, widths).enumerated().map { column, cell in
                pad(cell.0, to: cell.1, onLeft: (2...6).contains(column))
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private func cells(_ row: Row) -> [String] {
        let decimals = row.figure.decimals
        return [
            row.figure.name, row.figure.unit, number(row.ours, decimals),
            number(row.floor, decimals), number(row.ratio, 2), row.figure.target.description,
            number(row.peer, decimals), spread(row), row.verdict.rawValue,
        ]
    }

    /// From least to most of ours; of the floor as long as there is no ours.
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
