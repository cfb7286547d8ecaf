internal import PlaitPlatform
internal import Logging
internal import PlaitPlatform
internal import Synchronization

/// How deadlocks are found, and what is done with them.
///
/// Whenever a strand is about to wait for a lock without a deadline, the chain of holders is
/// followed; if it leads back to the strand, nothing will ever go on, and that is told with every
/// strand, what it holds and what it waits for. Locks know their holder from one relaxed store, so
/// an uncontended lock pays nothing for it, whatever the policy; a wait pays for an entry in a
/// table, about 0.1 µs.
///
/// Waits with a limit are not followed: they end by themselves. Taken into account are ``Lock``,
/// ``RLock``, ``ReadWriteLock`` and ``InterpreterLock``; not what a sync call inside a task holds.
/// A lock that is released by others than took it, as a signal, should be made with `onDeadlock:
/// .off`.
public enum DeadlockDetection {
    /// What is done with a deadlock.
    public enum Policy: UInt8, Sendable {
        /// Nothing is looked for.
        case off
        /// It is reported, once, and the strands go on waiting.
        case report
        /// The program ends with the report.
        case trap
        /// The wait that would have closed the circle throws ``DeadlockError``; where it cannot
        /// throw (`withLock`) it traps.
        case throwError
    }

    /// Something that was found.
    public enum Finding: Sendable, CustomStringConvertible {
        case deadlock(Deadlock)
        case inversion(LockInversion)

        public var description: String {
            switch self {
            case .deadlock(let deadlock): deadlock.description
            case .inversion(let inversion): inversion.description
            }
        }
    }

    private static let policyNumber = Atomic<UInt8>(Policy.report.rawValue)
    private static let ordersNewLocks = Atomic<Bool>(false)
    private static let capturesNewLocks = Atomic<Bool>(false)
    private static let handler = Guarded<(@Sendable (Finding) -> Void)?>(nil)
    private static let logger = Logger(label: "plait.locks")

    /// What is done with a deadlock, by default ``Policy-swift.enum/report``.
    public static var policy: Policy {
        get { Policy(rawValue: policyNumber.load(ordering: .relaxed)) ?? .off }
        set { policyNumber.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Whether each ``Lock`` and ``RLock`` made from now on has the order noted in which they are
    /// taken, so that two orders which could deadlock are reported before they do. By default not:
    /// every operation on such a lock takes the slow way and a process-wide lock, about 0.5 µs.
    public static var checksLockOrder: Bool {
        get { ordersNewLocks.load(ordering: .relaxed) }
        set { ordersNewLocks.store(newValue, ordering: .relaxed) }
    }

    /// Whether each ``Lock`` and ``RLock`` made from now on keeps where it was acquired, as long as
    /// this is set. By default not: it costs the slow way, as ``checksLockOrder`` does, and a walk
    /// of the stack.
    public static var capturesStacks: Bool {
        get { capturesNewLocks.load(ordering: .relaxed) }
        set { capturesNewLocks.store(newValue, ordering: .relaxed) }
    }

    static var tracesNewLocks: Bool { checksLockOrder || capturesStacks }

    /// Replaces what is done with a finding; nil restores the default, which logs it. Called on the
    /// strand that found it, which must not wait.
    public static func handle(_ body: (@Sendable (Finding) -> Void)?) {
        handler.withLock { $0 = body }
    }

    static func report(_ finding: Finding) {
        if let body = handler.withLock({ $0 }) {
            body(finding)
        } else {
            logger.error("\(finding)")
        }
    }
}
