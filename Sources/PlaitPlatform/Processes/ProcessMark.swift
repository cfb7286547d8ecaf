internal import CPlaitLinux
internal import Glibc

/// The identity of a process. Its number alone does not suffice, since another process may have got
/// it meanwhile.
package struct ProcessMark: Equatable, Sendable {
    package let pid: Int32
    /// When the process was started; 0 if the system does not tell.
    package let start: UInt64

    package init(pid: Int32, start: UInt64) {
        self.pid = pid
        self.start = start
    }

    /// When a process was started. Nil if it has ended, or if the system does not tell.
    package static func start(of pid: Int32) -> UInt64? {
        let start = plait_process_start(pid)
        return start == 0 ? nil : start
    }

    /// The mark of this process.
    package static var current: ProcessMark {
        let pid = processID()
        return known.withLock { known in
            if known.pid != pid { known = ProcessMark(pid: pid, start: plait_process_start(pid)) }
            return known
        }
    }

    private static let known = Guarded(ProcessMark(pid: 0, start: 0))

    /// Whether the process runs. False as soon as it has ended, even if nobody has reaped it.
    package var isAlive: Bool {
        if pid == processID() { return true }
        if start == 0 { return kill(pid, 0) == 0 || errno == EPERM }
        return plait_process_start(pid) == start
    }
}
