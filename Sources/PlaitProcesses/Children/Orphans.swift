internal import PlaitParking
public import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// A process that its parent has left behind, and that has ended as a child of this one.
public struct EndedOrphan: Hashable, Sendable, CustomStringConvertible {
    public let pid: Int32
    public let status: ExitStatus

    public var description: String { "orphan \(pid): \(status)" }
}

extension CurrentProcess {
    /// Makes this process the parent of its descendants whose own parents end, in place of process
    /// 1, and reaps them when they end.
    ///
    /// Starts a thread, `plait-orphans`, so that this process cannot fork any more. It takes the
    /// status of every child that Plait has not started: other code of the program that starts
    /// processes, such as Foundation's `Process` or swift-subprocess, would not get the status of
    /// its own. Once it is done, a call only replaces `report`.
    /// - Parameter report: Called on that thread, in the order in which they end: for each orphan
    ///   that has ended. Those that end later wait for it to return.
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

/// Children of this process that it has not started.
private enum Orphans {
    /// Nil before the first ``CurrentProcess/becomeSubreaper(_:)``.
    static let report = Guarded<(@Sendable (EndedOrphan) -> Void)?>(nil)

    static func reapForEver() {
        while true {
            Children.hasStarted.clear()
            guard let pid = try? Processes.awaitChild() else {
                // A process without a child has no descendant. Code outside Plait may start one,
                // unheard.
                _ = try? Children.hasStarted.wait(within: .seconds(1))
                continue
            }
            guard Children.isStranger(pid) else {
                // Ours: its status is for those who join it. It may be too young to be known.
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
