internal import CPlaitLinux
internal import Glibc

/// Which process it is: its number alone may be another's by now.
package struct ProcessMark: Equatable, Sendable {
    package let pid: Int32
    /// 0 where the system does not tell.
    package let start: UInt64

    package init(pid: Int32, start: UInt64) {
        self.pid = pid
        self.start = start
    }

    /// When a process was started; nil where it has ended, or the system does not tell.
    package static func start(of pid: Int32) -> UInt64? {
        let start = plait_process_start(pid)
        return start == 0 ? nil : start
    }

    /// Of this process.
    package static var current: ProcessMark {
        let pid = processID()
        return known.withLock { known in
            if known.pid != pid { known = ProcessMark(pid: pid, start: plait_process_start(pid)) }
            return known
        }
    }

    private static let known = Guarded(ProcessMark(pid: 0, start: 0))

    /// Whether it runs. One that has ended does not, reaped or not.
    package var isAlive: Bool {
        if pid == processID() { return true }
        if start == 0 { return kill(pid, 0) == 0 || errno == EPERM }
        return plait_process_start(pid) == start
    }
}
