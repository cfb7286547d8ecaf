public import PlaitParking
public import PlaitPlatform
internal import Synchronization

/// On which processors and with which priority the kernel runs a thread.
public struct ThreadOptions: Hashable, Sendable {
    /// The numbers, from 0, of the processors on which the thread may run; nil takes those of the
    /// thread that starts it.
    public var affinity: Set<Int>?
    /// The priority; nil takes that of the thread that starts it.
    public var priority: ThreadPriority?

    public init(affinity: Set<Int>? = nil, priority: ThreadPriority? = nil) {
        self.affinity = affinity
        self.priority = priority
    }

    // MARK: The process's default

    /// The stack size in bytes of a thread whose `spawn` gives none; nil takes the system's
    /// default, usually 8 MiB.
    public static var defaultStackSize: Int? {
        let bytes = stackSize.load(ordering: .relaxed)
        return bytes == 0 ? nil : bytes
    }

    /// Changes ``defaultStackSize`` for threads that are started later; nil or 0 restores the
    /// system's.
    /// - Throws: `SystemError`: EINVAL for less than the system's least, usually 16 KiB.
    /// - Source: Python's `threading.stack_size`.
    public static func setDefaultStackSize(_ bytes: Int?) throws(SystemError) {
        if let bytes, bytes != 0 { try checkStackSize(bytes) }
        stackSize.store(bytes ?? 0, ordering: .relaxed)
    }

    /// The size; 0 takes the system's default.
    private static let stackSize = Atomic<Int>(0)

    /// Applies the options. The new thread calls it before its body.
    func apply(to strand: Strand) throws(SystemError) {
        if let affinity { try strand.setAffinity(affinity) }
        if let priority { try strand.setPriority(priority) }
    }
}

/// How a thread shares processors with others. A nice value goes from -20 (first) to 19 (last). A
/// process needs a privilege to lower it below its present value.
public enum ThreadPriority: Hashable, Sendable {
    /// The usual policy.
    case normal(niceness: Int = 0)
    /// For long computations: the thread wakes no sooner than others, and is interrupted less.
    case batch(niceness: Int = 0)
    /// The thread runs only when a processor has nothing else to do.
    case idle
}

extension Strand {
    /// The processors on which the strand's thread may run.
    /// - Throws: `SystemError`: ESRCH when the strand does not run.
    /// - Source: Python's `os.sched_getaffinity`.
    public final var affinity: Set<Int> {
        get throws(SystemError) {
            try ThreadTuning.affinity(of: runningThread("sched_getaffinity"), name)
        }
    }

    /// Binds the strand's thread, with all its fibers, to processors.
    /// - Throws: `SystemError`: EINVAL when none of the processors exists or may be used by the
    ///   process; ESRCH when the strand does not run; EPERM.
    /// - Source: Python's `os.sched_setaffinity`.
    public final func setAffinity(_ processors: Set<Int>) throws(SystemError) {
        try ThreadTuning.setAffinity(
            of: runningThread("sched_setaffinity"), to: processors, name)
    }

    /// The priority of the strand's thread; nil when the thread has a priority that Plait does not
    /// set, such as a real-time one.
    public final var priority: ThreadPriority? {
        get throws(SystemError) {
            let thread = try runningThread("sched_getscheduler")
            guard let policy = try ThreadTuning.policy(of: thread, name) else { return nil }
            let niceness = try ThreadTuning.niceness(of: thread, name)
            return switch policy {
            case .normal: .normal(niceness: niceness)
            case .batch: .batch(niceness: niceness)
            case .idle: .idle
            }
        }
    }

    /// Changes the priority of the strand's thread, and so of all its fibers.
    /// - Throws: `SystemError`: EACCES or EPERM when the process lacks the privilege, EINVAL for a
    ///   nice value out of range, ESRCH when the strand does not run. If the system refuses only
    ///   the nice value, the new policy stays.
    /// - Source: Python's `os.setpriority`, `os.sched_setscheduler`.
    public final func setPriority(_ priority: ThreadPriority) throws(SystemError) {
        let thread = try runningThread("sched_setscheduler")
        switch priority {
        case .normal(let niceness):
            try ThreadTuning.setPolicy(of: thread, to: .normal, name)
            try ThreadTuning.setNiceness(of: thread, to: niceness, name)
        case .batch(let niceness):
            try ThreadTuning.setPolicy(of: thread, to: .batch, name)
            try ThreadTuning.setNiceness(of: thread, to: niceness, name)
        case .idle:
            try ThreadTuning.setPolicy(of: thread, to: .idle, name)
        }
    }

    private func runningThread(_ call: String) throws(SystemError) -> Int32 {
        guard let thread = nativeID else {
            throw ThreadTuning.notRunning(call, name)
        }
        return thread
    }
}
