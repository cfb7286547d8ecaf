internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync

/// Runs things at their times, one after another, on whoever calls ``run(blocking:)``.
///
/// Those of equal times run by priority, the lowest number first, then in the order of entering.
/// Any strand may enter and cancel while another runs them.
/// - Source: Python's `sched.scheduler`.
public final class Scheduler: @unchecked Sendable {
    // Sendable: `guardLock` guards `schedule`.
    private let clock: @Sendable () -> ContinuousClock.Instant
    private let guardLock = ShortLock()
    private var schedule = Schedule<@Sendable () throws -> Void>()
    /// Something was entered or cancelled, or the clock was set: whoever waits looks again.
    private let hasChanged = Event()

    /// - Parameter clock: The present. One that a test sets by hand must be followed by
    ///   ``clockChanged()``, since waiting for an event takes its time on the monotonic clock.
    public init(clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.clock = clock
    }

    /// Something entered.
    public struct Entry: Hashable, Sendable {
        public let time: ContinuousClock.Instant
        public let priority: Int
        let number: UInt64
    }

    // MARK: Entering and cancelling

    /// Has `body` run at `time`, or as soon as what is before it has run.
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

    /// Has `body` run `delay` from now.
    /// - Source: Python's `scheduler.enter`.
    @discardableResult
    public func enter(
        after delay: Duration, priority: Int = 0, _ body: @escaping @Sendable () throws -> Void
    ) -> Entry {
        enter(at: clock().advanced(by: delay), priority: priority, body)
    }

    /// Takes back an entry that has not begun to run.
    /// - Returns: False when it is not there any more.
    @discardableResult
    public func cancel(_ entry: Entry) -> Bool {
        // Freed outside the lock.
        let removed = guardLock.withLock { schedule.remove(entry) }
        if removed != nil { hasChanged.set() }
        return removed != nil
    }

    /// Whether nothing is entered that has not begun to run.
    public var isEmpty: Bool { guardLock.withLock { schedule.isEmpty } }

    /// What is entered, in the order in which it will run.
    public var queue: [Entry] { guardLock.withLock { schedule.entries } }

    /// Makes ``run(blocking:)`` look at the clock again.
    public func clockChanged() { hasChanged.set() }

    // MARK: Running

    /// Runs what is entered, each at its time, until nothing is left.
    ///
    /// Blocks the calling thread or parks the calling fiber until the next time. What is entered
    /// meanwhile is run too.
    /// - Parameter blocking: Whether to wait; if not, only what is due is run.
    /// - Returns: The time of the next entry; nil when nothing is left.
    /// - Throws: What an entry throws: the rest stays, and another call goes on;
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
            // Before the look: what changes after it ends the wait.
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

    /// The next one last.
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
