internal import Foundation

/// The rows of some processes in the system's table, as `ps` prints it.
struct ProcessTable {
    struct Row {
        let pid: Int32
        let parent: Int32
        /// R runs, S sleeps, Z is a zombie: it has ended, and nobody has taken its status.
        let state: Character
        let command: String
    }

    /// The rows of those processes that exist.
    static func rows(_ pids: [Int32]) -> [Row] { pids.compactMap(row) }

    /// The row of a process; nil if there is no such process.
    static func row(_ pid: Int32) -> Row? {
        // "PID (COMMAND) STATE PARENT …"
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 1, let state = fields[0].first, let parent = Int32(fields[1]) else {
            return nil
        }
        let command = String(text[text.index(after: open)..<close])
        return Row(pid: pid, parent: parent, state: state, command: command)
    }

    /// The rows as text, with names instead of numbers, which differ from run to run.
    static func lines(_ rows: [Row], _ names: [Int32: String]) -> [String] {
        func pad(_ text: String) -> String {
            text + String(repeating: " ", count: max(0, 12 - text.count))
        }
        func name(_ pid: Int32) -> String { names[pid] ?? (pid == 1 ? "init" : "another") }
        let body = rows.map { pad(name($0.pid)) + pad(name($0.parent)) + String($0.state) }
        return [pad("PROCESS") + pad("PARENT") + "STATE"] + body
    }
}
