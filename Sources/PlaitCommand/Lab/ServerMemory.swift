internal import Foundation

/// The dirty private memory of a server and its children, as `/proc/PID/smaps_rollup` tells it. It
/// does not contain the kernel's memory for them: sockets, page tables and kernel stacks.
struct ServerMemory {
    let pid: Int32

    /// The bytes at this moment; nil if the system does not tell.
    var bytes: Int? {
        guard let own = ServerMemory.privateBytes(of: pid) else { return nil }
        // A child that has ended meanwhile has no memory.
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
