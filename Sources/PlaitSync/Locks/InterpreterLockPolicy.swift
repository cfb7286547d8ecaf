internal import PlaitPlatform

/// When the holder of an ``InterpreterLock`` lets others have it.
public enum InterpreterLockPolicy: Sendable, Hashable, CustomStringConvertible {
    /// The holder offers it after so many calls of `check()`: it releases it and takes it again,
    /// and nothing says who gets it in between. On several cores that is mostly the old holder, as
    /// who waits has to wake up first. A fiber of the holder's own hub gets it when the holder
    /// waits.
    /// - Source: Python's before 3.2; `sys.setcheckinterval`, there 100.
    case ticks(every: Int)

    /// A strand that has waited so long without a switch asks for it; the holder hands it over at
    /// its next `check()`, to the one that has waited longest, and waits its turn.
    /// - Source: Python's since 3.2; `sys.setswitchinterval`, there 5 ms.
    case interval(Duration = .milliseconds(5))

    public var description: String {
        switch self {
        case .ticks(let count): "every \(count) ticks"
        case .interval(let duration): "interval \(duration)"
        }
    }

    /// Nanoseconds after which a waiter asks; nil where none does.
    var patience: UInt64? {
        switch self {
        case .ticks: nil
        case .interval(let duration): duration.nanosecondsClamped
        }
    }

    /// Checks between two offers; nil where the holder offers nothing.
    var ticks: Int? {
        switch self {
        case .ticks(let count): count
        case .interval: nil
        }
    }

    /// What is wrong with it; nil if nothing.
    var fault: String? {
        switch self {
        case .ticks(let count): count < 1 ? "needs ticks >= 1, not \(count)" : nil
        case .interval(let duration):
            duration <= .zero ? "needs an interval above zero, not \(duration)" : nil
        }
    }
}
