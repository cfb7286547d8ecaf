internal import Logging
internal import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// How Plait finds deadlocks, and what it does with them.
///
/// Whenever a strand is about to wait for a lock without a deadline, Plait follows the chain of
/// holders. If the chain leads back to the strand, none of these strands will ever go on. The
/// report names each of them, the locks that it holds and the lock that it waits for. A lock knows
/// its holder from one relaxed store, so an uncontended lock costs nothing more, whatever the
/// policy. A wait costs an entry in a table, about 0.1 µs.
///
/// Plait does not follow waits with a limit, which end by themselves. It follows ``Lock``,
/// ``RLock``, ``ReadWriteLock`` and ``InterpreterLock``, but not the locks that a sync call inside
/// a task holds. Make a lock with `onDeadlock: .off` if it serves as a signal: one strand takes it
/// and another releases it.
public enum DeadlockDetection {
    /// What Plait does with a deadlock.
    public enum Policy: UInt8, Sendable {
        /// Plait does not look for deadlocks.
        case off
        /// Plait reports it once, and the strands go on waiting.
        case report
        /// The program ends with the report.
        case trap
        /// The wait that would have closed the circle throws ``DeadlockError``. If the verb cannot
        /// throw (`withLock`), it traps.
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

    /// What Plait does with a deadlock of locks; by default ``Policy-swift.enum/report``.
    ///
    /// Unless it is ``Policy-swift.enum/off``, Plait also ends the program, with exit code 2 and
    /// the list of waits on standard error, when all its strands sleep and nothing is left that could
    /// wake one.
    public static var policy: Policy {
        get { Policy(rawValue: policyNumber.load(ordering: .relaxed)) ?? .off }
        set {
            policyNumber.store(newValue.rawValue, ordering: .relaxed)
            AllAsleep.isOn = newValue != .off
        }
    }

    /// Whether Plait notes the order in which strands take the ``Lock``s and ``RLock``s made from
    /// now on. It then reports two orders that could deadlock before they do. False by default,
    /// since every operation on such a lock takes the slow path and a process-wide lock, about 0.5
    /// µs.
    public static var checksLockOrder: Bool {
        get { ordersNewLocks.load(ordering: .relaxed) }
        set { ordersNewLocks.store(newValue, ordering: .relaxed) }
    }

    /// Whether each ``Lock`` and ``RLock`` made from now on records where it was acquired, as long
    /// as this is set. False by default, since it costs the slow path, as ``checksLockOrder`` does,
    /// and a walk of the stack.
    public static var capturesStacks: Bool {
        get { capturesNewLocks.load(ordering: .relaxed) }
        set { capturesNewLocks.store(newValue, ordering: .relaxed) }
    }

    static var tracesNewLocks: Bool { checksLockOrder || capturesStacks }

    /// Replaces the handler of findings; nil restores the default, which logs them. The strand that
    /// made the finding calls the handler, which must not wait.
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
