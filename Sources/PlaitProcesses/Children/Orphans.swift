internal import PlaitParking
public import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// A process whose own parent ended first, and which has ended as a child of this process.
public struct EndedOrphan: Hashable, Sendable, CustomStringConvertible {
    public let pid: Int32
    public let status: ExitStatus

    public var description: String { "orphan \(pid): \(status)" }
}

extension CurrentProcess {
    /// Makes this process the parent of its descendants whose own parents end, instead of process
    /// 1, and reaps these orphans when they end.
    ///
    /// The call starts a thread, `plait-orphans`, so this process cannot fork any more. The thread
    /// takes the status of every child that Plait has not started. Other code of the program that
    /// starts processes, such as Foundation's `Process` or swift-subprocess, would not get the
    /// status of its children. A later call only replaces `report`.
    /// - Parameter report: Called on that thread for each orphan that has ended, in order. The next
    ///   orphan is reported when it has returned.
    /// - Throws: `SystemError`: EAGAIN at the limit of threads.
    /// - Source: `PR_SET_CHILD_SUBREAPER` of prctl(2).
    public static func becomeSubreaper(
        _ report: @escaping @Sendable (EndedOrphan) -> Void = { _ in }
    ) throws(SystemError) {
        let isFirst = Orphans.report.withLock { current in
            defer { current = report }
            return current == nil
        }
        guard isFirst else { return }
        do throws(SystemError) {
            try Processes.becomeSubreaper()
            try startThread(name: "plait-orphans") { Orphans.reapForEver() }
        } catch {
            Orphans.report.withLock { $0 = nil }
            throw error
        }
    }
}

/// The children of this process that it has not started.
private enum Orphans {
    /// Nil before the first ``CurrentProcess/becomeSubreaper(_:)``.
    static let report = Guarded<(@Sendable (EndedOrphan) -> Void)?>(nil)

    static func reapForEver() {
        while true {
            Children.hasStarted.clear()
            guard let pid = try? Processes.awaitChild() else {
                // A process without a child has no descendants. Code outside Plait may start a
                // child without notice.
                _ = try? Children.hasStarted.wait(within: .seconds(1))
                continue
            }
            guard Children.isStranger(pid) else {
                // This is a child of Plait's, whose joiners need its status. It may be too young to
                // be known.
                Children.reap()
                try? Strand.sleep(for: .milliseconds(1))
                continue
            }
            guard let status = ExitStatus(Processes.reap(pid: pid)), status != .lost else {
                continue
            }
            report.withLock(\.self)?(EndedOrphan(pid: pid, status: status))
        }
    }
}
