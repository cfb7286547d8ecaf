internal import PlaitPlatform

/// This process: its identity, its parent and its children.
///
/// - Source: Python's `multiprocessing.current_process`, `parent_process`, `active_children`,
///   `cpu_count`.
public enum CurrentProcess {
    /// The process that started another one.
    public struct Parent: Hashable, Sendable, Codable {
        public let pid: Int32
        /// The parent's ``CurrentProcess/name``.
        public let name: String

        /// Whether the parent still runs. Asked in its child.
        public var isAlive: Bool { Processes.parent == pid }
    }

    /// A running child.
    public struct Child: Hashable, Sendable {
        public let pid: Int32
        /// The child's name, as ``ChildProcess/name`` or ``ProcessHandle/name`` gives it.
        public let name: String
    }

    private struct Identity {
        /// Nil if the name is made from the number on demand: few children are asked for it.
        var name: String? = "main"
        var isDaemon = false
        var parent: Parent?
    }

    private static let identity = Guarded(Identity())

    public static var pid: Int32 { processID() }

    /// The name that the parent gave this process, if it runs a function or is a fork; otherwise
    /// `main`.
    public static var name: String { identity.withLock(\.name) ?? "process-\(pid)" }

    /// Whether the end of the parent's program ends this process. By default its own children that
    /// run functions then end with it too.
    public static var isDaemon: Bool { identity.withLock(\.isDaemon) }

    /// The process that started this one; nil unless this one runs a function or is a fork.
    public static var parent: Parent? { identity.withLock(\.parent) }

    /// The running children that Plait has started in this process, by number: programs, forks,
    /// functions and workers of pools.
    public static var children: [Child] {
        Children.running.filter { $0.status == nil && $0.name != ChildEnd.helper }
            .map { Child(pid: $0.pid, name: $0.name) }
    }

    /// How many processors the process could use when it started.
    public static var processorCount: Int { PlaitPlatform.processorCount }

    // MARK: Becoming a child

    /// What a child learns of this process.
    static var asParent: Parent { Parent(pid: pid, name: name) }

    static func become(name: String?, isDaemon: Bool, childOf parent: Parent) {
        identity.withLock { $0 = Identity(name: name, isDaemon: isDaemon, parent: parent) }
    }
}
