import Foundation
import Plait

// Shows what becomes of children whose status nobody takes, and of children whose parent is gone.
@main
struct Orphans {
    static func main() throws {
        try zombie()
        try orphan()
    }

    /// A child that has ended is a zombie until its parent takes its status.
    private static func zombie() throws {
        // A process that only forks has no thread that takes statuses.
        let child = try ChildProcess.fork {}
        while state(of: child.pid) != "Z (zombie)" { Strand.yield() }
        print("forked, ended, not looked at:", state(of: child.pid))
        print("its status:", child.exitStatus!)
        print("and then it is", state(of: child.pid))
        // From the first start of a program on, a thread takes them.
        let program = try ChildProcess.start("true")
        while state(of: program.pid) != "gone" { Strand.yield() }
        print("a program that nobody joins is", state(of: program.pid))
    }

    /// A child whose parent ends becomes a child of process 1, or of the nearest ancestor that asks
    /// for it.
    private static func orphan() throws {
        let ended = Queue<EndedOrphan>(capacity: 8)
        try CurrentProcess.becomeSubreaper { orphan in try? ended.put(orphan) }
        // A shell leaves a program behind and prints its number. The program waits for the end of
        // its input.
        var options = ChildProcess.Options()
        options.input = .pipe
        options.output = .pipe
        let script = "exec 3<&0; (cat <&3 >/dev/null; exit 7) & echo $!"
        let shell = try ChildProcess.start("sh", ["-c", script], options)
        let orphan = Int32(try shell.output?.readLine() ?? "") ?? 0
        print("the shell has ended by", try shell.join())
        print("what it left behind has a new parent:", parent(of: orphan) == CurrentProcess.pid)
        shell.input?.close()
        let end = try ended.get()
        print("and has ended by", end.status, end.pid == orphan)
    }

    private static func state(of pid: Int32) -> String { line("State", of: pid) ?? "gone" }

    private static func parent(of pid: Int32) -> Int32? {
        line("PPid", of: pid).flatMap(Int32.init)
    }

    /// A line of `/proc/PID/status`.
    private static func line(_ name: String, of pid: Int32) -> String? {
        let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        return status?.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }
}
