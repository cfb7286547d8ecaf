internal import Plait

/// The progress of a long command, on standard error: a bar on a terminal, otherwise one line for
/// each step.
final class ProgressLine {
    private let columns: Int?
    private var lastStep = ""
    private var isShown = false

    init() {
        columns = StandardStream.error.isTerminal ? StandardStream.error.columns ?? 80 : nil
    }

    /// - Parameters:
    ///   - step: The present step, such as `fiber: connecting`.
    ///   - done: How much of `whole` is done; more counts as all.
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
        // A line that wraps could not be erased.
        let line = "[\(bar)] \(step)".prefix(columns - 1)
        StandardStream.error.write("\r\u{1B}[K\(line)")
        isShown = true
    }

    /// Erases the bar from the terminal.
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
