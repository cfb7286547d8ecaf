internal import Plait

/// How far a long command is, on standard error: a bar on a terminal, else a line a step.
final class ProgressLine {
    private let columns: Int?
    private var lastStep = ""
    private var isShown = false

    init() {
        columns = StandardStream.error.isTerminal ? StandardStream.error.columns ?? 80 : nil
    }

    /// - Parameters:
    ///   - step: What is being done, such as `fiber: connecting`.
    ///   - done: How much of `whole`; more counts as all.
    func show(_ step: String, _ done: Int, of whole: Int) {
        guard let columns else {
            if step != lastStep { StandardStream.error.write(step + "\n") }
            lastStep = step
            return
        }
        let width = 24
        let filled = whole > 0 ? min(width, width * max(0, done) / whole) : 0
        let bar =
            String(repeating: "#", count: filled)
            + String(repeating: ".", count: width - filled)
        // A line that wraps could not be taken back.
        let line = "[\(bar)] \(step)".prefix(columns - 1)
        StandardStream.error.write("\r\u{1B}[K\(line)")
        isShown = true
    }

    /// Takes the bar off the terminal.
    func clear() {
        if isShown { StandardStream.error.write("\r\u{1B}[K") }
        isShown = false
    }

    /// Writes a line that stays.
    func note(_ text: String) {
        clear()
        StandardStream.error.write(text + "\n")
    }
}
