internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync

/// Runs closures at their times, one after another, on the strand that calls ``run(blocking:)``.
///
/// Entries of equal times run by priority, the lowest number first, and then in the order in which
/// they were entered. Any strand may enter and cancel entries while another strand runs them.
/// - Source: Python's `sched.scheduler`.
public final class Scheduler: @unchecked Sendable {
    // Sendable: `guardLock` guards `schedule`.
    private let clock: @Sendable () -> ContinuousClock.Instant
    private let guardLock = ShortLock()
    private var schedule = Schedule<@Sendable () throws -> Void>()
    /// Set when an entry was added or cancelled, or the clock was set. The strand that waits then
    /// looks again.
    private let hasChanged = Event()

    /// - Parameter clock: Tells the present. A test that sets its clock by hand must call
    ///   ``clockChanged()`` after it, since the scheduler waits on the monotonic clock.
    public init(clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.clock = clock
    }

    /// A handle on an entry.
    public struct Entry: Hashable, Sendable {
        public let time: ContinuousClock.Instant
        public let priority: Int
        let number: UInt64
    }

    // MARK: Entering and cancelling

    /// Enters `body`, which will run at `time`, or as soon as the entries before it have run.
    /// - Source: Python's `scheduler.enterabs`.
    @discardableResult
    public func enter(
        at time: ContinuousClock.Instant, priority: Int = 0,
        _ body: @escaping @Sendable () throws -> Void
    ) -> Entry {
        let entry = guardLock.withLock { schedule.enter(body, at: time, priority) }
        hasChanged.set()
        return entry
    }

    /// Enters `body`, which will run after `delay`.
    /// - Source: Python's `scheduler.enter`.
    @discardableResult
    public func enter(
        after delay: Duration, priority: Int = 0, _ body: @escaping @Sendable () throws -> Void
    ) -> Entry {
        enter(at: clock().advanced(by: delay), priority: priority, body)
    }

    /// Takes back an entry that has not begun to run.
    /// - Returns: False when the entry is not there any more.
    @discardableResult
    public func cancel(_ entry: Entry) -> Bool {
        // Freed outside the lock.
        let removed = guardLock.withLock { schedule.remove(entry) }
        if removed != nil { hasChanged.set() }
        return removed != nil
    }

    /// Whether there is no entry that has not begun to run.
    public var isEmpty: Bool { guardLock.withLock { schedule.isEmpty } }

    /// The entries, in the order in which they will run.
    public var queue: [Entry] { guardLock.withLock { schedule.entries } }

    /// Makes ``run(blocking:)`` look at the clock again.
    public func clockChanged() { hasChanged.set() }

    // MARK: Running

    /// Runs the entries, each at its time, until none is left.
    ///
    /// Blocks the calling thread or parks the calling fiber between entries. Entries that are added
    /// meanwhile run too.
    /// - Parameter blocking: Whether to wait. If not, only entries that are due run.
    /// - Returns: The time of the next entry; nil when none is left.
    /// - Throws: The error of an entry: the others stay, and another call goes on with them.
    ///   `CancellationError`.
    /// - Source: Python's `scheduler.run`.
    @available(*, noasync)
    @discardableResult
    public func run(blocking: Bool = true) throws -> ContinuousClock.Instant? {
        while true {
            switch try runDue() {
            case .nothing: return nil
            case .next(let time, _) where !blocking: return time
            case .next(_, let delay): _ = try hasChanged.wait(within: delay)
            }
        }
    }

    /// As the sync form, suspending the calling task until the next time.
    @discardableResult
    public func run(blocking: Bool = true) async throws -> ContinuousClock.Instant? {
        while true {
            switch try runDue() {
            case .nothing: return nil
            case .next(let time, _) where !blocking: return time
            case .next(_, let delay): _ = try await hasChanged.wait(within: delay)
            }
        }
    }

    private enum Rest {
        case nothing
        case next(ContinuousClock.Instant, delay: Duration)
    }

    private func runDue() throws -> Rest {
        while true {
            // Clear before looking, so that a change after the look ends the wait.
            hasChanged.clear()
            let now = clock()
            let step = guardLock.withLock { schedule.step(at: now) }
            switch step {
            case .run(let body):
                try body()
            case .wait(let time): return .next(time, delay: now.duration(to: time))
            case .done: return .nothing
            }
        }
    }
}

/// The pure state of a ``Scheduler``.
struct Schedule<Action> {
    typealias Entry = Scheduler.Entry

    enum Step {
        case run(Action)
        case wait(until: ContinuousClock.Instant)
        case done
    }

    /// The items; the next one to run is the last.
    private var items: [(entry: Entry, action: Action)] = []
    private var lastNumber: UInt64 = 0

    var isEmpty: Bool { items.isEmpty }
    var entries: [Entry] { items.reversed().map(\.entry) }

    mutating func enter(
        _ action: Action, at time: ContinuousClock.Instant, _ priority: Int
    ) -> Entry {
        lastNumber += 1
        let entry = Entry(time: time, priority: priority, number: lastNumber)
        items.insert((entry, action), at: index(of: entry))
        return entry
    }

    mutating func remove(_ entry: Entry) -> Action? {
        let index = index(of: entry)
        guard index < items.count, items[index].entry == entry else { return nil }
        return items.remove(at: index).action
    }

    mutating func step(at now: ContinuousClock.Instant) -> Step {
        guard let next = items.last else { return .done }
        if next.entry.time > now { return .wait(until: next.entry.time) }
        items.removeLast()
        return .run(next.action)
    }

    /// The first place whose entry does not run after `entry`.
    private func index(of entry: Entry) -> Int {
        var range = 0..<items.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if entry.runs(before: items[middle].entry) {
                range = (middle + 1)..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        return range.lowerBound
    }
}

extension Scheduler.Entry {
    fileprivate func runs(before other: Self) -> Bool {
        (time, priority, number) < (other.time, other.priority, other.number)
    }
}
