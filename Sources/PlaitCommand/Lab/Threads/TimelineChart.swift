/// A timeline as text: one lane for each strand, then the moments in order.
struct TimelineChart: CustomStringConvertible {
    let moments: [Timeline.Moment]
    let spans: [Timeline.Span]
    /// How many characters the whole time takes.
    var width = 60
    /// How many lanes and moments are shown; the rest is counted.
    var limit = 24

    var description: String { (lanes + notes).map { $0 + "\n" }.joined() }

    private var lanes: [String] {
        guard let end = spans.map(\.to).max(), end > 0 else { return [] }
        var names: [String] = []
        for span in spans.sorted(by: { $0.from < $1.from }) where !names.contains(span.strand) {
            names.append(span.strand)
        }
        let nameWidth = names.prefix(limit).map(\.count).max() ?? 0
        var lines = names.prefix(limit).map { name in
            var lane = Array(repeating: Character("."), count: width)
            for span in spans where span.strand == name {
                let first = min(width - 1, Int(span.from / end * Double(width)))
                let last = min(width - 1, max(first, Int(span.to / end * Double(width)) - 1))
                for column in first...last { lane[column] = "#" }
            }
            return "  " + padded(name, nameWidth) + " " + String(lane)
        }
        if names.count > limit { lines.append("  … and \(names.count - limit) more alike") }
        let scale = "0" + String(repeating: " ", count: width - 1) + milliseconds(end)
        return lines + ["  " + padded("", nameWidth) + " " + scale]
    }

    private var notes: [String] {
        let nameWidth = moments.prefix(limit).map(\.strand.count).max() ?? 0
        let lines = moments.prefix(limit).map { moment in
            let time = milliseconds(moment.milliseconds)
            let space = String(repeating: " ", count: max(0, 10 - time.count))
            return "  \(space)\(time)  \(padded(moment.strand, nameWidth))  \(moment.what)"
        }
        let left = moments.count - lines.count
        return left > 0 ? lines + ["  … and \(left) more"] : lines
    }

    private func milliseconds(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) ms"
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
