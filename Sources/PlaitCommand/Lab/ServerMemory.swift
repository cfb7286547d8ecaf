internal import Foundation

/// What a server and its children have written and share with nobody: dirty private memory, as
/// `/proc/PID/smaps_rollup` has it. What the kernel keeps for them (sockets, page tables, stacks of
/// its own) is not in it.
struct ServerMemory {
    let pid: Int32

    /// Bytes now; nil where the system does not tell.
    var bytes: Int? {
        guard let own = ServerMemory.privateBytes(of: pid) else { return nil }
        // A child may end meanwhile: then it has none.
        return children.compactMap { ServerMemory.privateBytes(of: $0) }.reduce(own, +)
    }

    private var children: [Int32] {
        ServerMemory.text("/proc/\(pid)/task/\(pid)/children")?
            .split(whereSeparator: \.isWhitespace).compactMap { Int32($0) } ?? []
    }

    private static func privateBytes(of pid: Int32) -> Int? {
        guard let text = text("/proc/\(pid)/smaps_rollup") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("Private_Dirty:") {
            let words = line.split(separator: " ")
            if words.count == 3, let kibibytes = Int(words[1]) { return kibibytes * 1_024 }
        }
        return nil
    }

    private static func text(_ path: String) -> String? {
        try? String(contentsOfFile: path, encoding: .utf8)
    }
}
