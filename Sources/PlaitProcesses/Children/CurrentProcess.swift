internal import PlaitPlatform

/// This process: who it is, whose child, and whose parent.
///
/// - Source: Python's `multiprocessing.current_process`, `parent_process`, `active_children`,
///   `cpu_count`.
public enum CurrentProcess {
    /// The one that started a process.
    public struct Parent: Hashable, Sendable, Codable {
        public let pid: Int32
        /// As ``CurrentProcess/name`` there.
        public let name: String

        /// Whether it has not ended. Asked in its child.
        public var isAlive: Bool { Processes.parent == pid }
    }

    /// A child that runs.
    public struct Child: Hashable, Sendable {
        public let pid: Int32
        /// As ``ChildProcess/name``, ``ProcessHandle/name``.
        public let name: String
    }

    private struct Identity {
        /// Nil where it is to be made of the number: each child would, and few are asked.
        var name: String? = "main"
        var isDaemon = false
        var parent: Parent?
    }

    private static let identity = Guarded(Identity())

    public static var pid: Int32 { processID() }

    /// The name that the parent gave it, where it runs a function or is a fork; `main` else.
    public static var name: String { identity.withLock(\.name) ?? "process-\(pid)" }

    /// Whether the end of the parent's program ends it. So it is with its own children that run
    /// functions, unless it says otherwise.
    public static var isDaemon: Bool { identity.withLock(\.isDaemon) }

    /// The process that started this one; nil unless this one runs a function or is a fork.
    public static var parent: Parent? { identity.withLock(\.parent) }

    /// The children that Plait has started here and that run: programs, forks, functions and
    /// workers of pools, by number.
    public static var children: [Child] {
        Children.running.filter { $0.status == nil && $0.name != ChildEnd.helper }
            .map { Child(pid: $0.pid, name: $0.name) }
    }

    /// Processors that it may run on, as it was when it started.
    public static var processorCount: Int { PlaitPlatform.processorCount }

    // MARK: Becoming a child

    /// What a child is told of this one.
    static var asParent: Parent { Parent(pid: pid, name: name) }

    static func become(name: String?, isDaemon: Bool, childOf parent: Parent) {
        identity.withLock { $0 = Identity(name: name, isDaemon: isDaemon, parent: parent) }
    }
}
