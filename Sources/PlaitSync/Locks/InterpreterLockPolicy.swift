internal import PlaitPlatform

/// When the holder of an ``InterpreterLock`` lets others have it.
public enum InterpreterLockPolicy: Sendable, Hashable, CustomStringConvertible {
    /// The holder offers the lock after the given number of calls of `check()`: it releases the
    /// lock and takes it again. Nothing says which strand gets the lock in between. On several
    /// cores that is mostly the old holder, since a waiter has to wake up first. A fiber of the
    /// holder's own hub gets the lock when the holder waits.
    /// - Source: Python before 3.2; `sys.setcheckinterval`, whose default was 100.
    case ticks(every: Int)

    /// A strand that has waited for the given time without a switch asks for the lock. At its next
    /// `check()` the holder hands the lock to the strand that has waited longest, and waits its
    /// turn.
    /// - Source: Python since 3.2; `sys.setswitchinterval`, whose default is 5 ms.
    case interval(Duration = .milliseconds(5))

    public var description: String {
        switch self {
        case .ticks(let count): "every \(count) ticks"
        case .interval(let duration): "interval \(duration)"
        }
    }

    /// Nanoseconds after which a waiter asks; nil if waiters do not ask.
    var patience: UInt64? {
        switch self {
        case .ticks: nil
        case .interval(let duration): duration.nanosecondsClamped
        }
    }

    /// How many checks lie between two offers; nil if the holder makes no offers.
    var ticks: Int? {
        switch self {
        case .ticks(let count): count
        case .interval: nil
        }
    }

    /// What is wrong with the policy; nil if nothing is.
    var fault: String? {
        switch self {
        case .ticks(let count): count < 1 ? "needs ticks >= 1, not \(count)" : nil
        case .interval(let duration):
            duration <= .zero ? "needs an interval above zero, not \(duration)" : nil
        }
    }
}
