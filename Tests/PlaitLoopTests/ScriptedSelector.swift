import PlaitLoop
import PlaitPlatform
import PlaitSelectors
import Synchronization
import SystemPackage

/// Time that passes only when a test says so.
final class VirtualClock: Sendable {
    private let nanoseconds: Atomic<UInt64>

    init(at nanoseconds: UInt64 = 1_000_000_000) { self.nanoseconds = Atomic(nanoseconds) }

    var now: Deadline { Deadline(nanoseconds: nanoseconds.load(ordering: .relaxed)) }

    func advance(to deadline: Deadline) {
        if deadline > now { nanoseconds.store(deadline.nanoseconds, ordering: .relaxed) }
    }

    func advance(by duration: Duration) {
        advance(to: now.advanced(by: duration.nanosecondsClamped))
    }

    /// So much later than now.
    func after(_ duration: Duration) -> Deadline {
        now.advanced(by: duration.nanosecondsClamped)
    }
}

/// A selector that never blocks: it reports what a test has scripted, and where there is nothing to
/// report it advances the clock to the deadline instead of waiting for it.
final class ScriptedSelector: ReadinessSelector {
    struct Entry: Equatable {
        var interest: Readiness
        var mode: TriggerMode
        var token: UInt64
    }

    let supportsEdge: Bool
    private let clock: VirtualClock
    private(set) var entries: [Int32: Entry] = [:]
    /// The deadlines of the calls of `select`, without those that only looked.
    private(set) var waits: [Deadline] = []
    /// What the coming calls report.
    var script: [[(token: UInt64, readiness: Readiness)]] = []
    /// Called in every `select` that would block, with its deadline.
    var onWait: (Deadline) -> Void = { _ in }

    init(_ clock: VirtualClock, supportsEdge: Bool = true) {
        self.clock = clock
        self.supportsEdge = supportsEdge
    }

    func register(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        guard entries[descriptor] == nil else {
            throw SystemError(errno: .fileExists, call: "script")
        }
        entries[descriptor] = Entry(interest: interest, mode: mode, token: token)
    }

    func modify(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        guard entries[descriptor] != nil else {
            throw SystemError(errno: .noSuchFileOrDirectory, call: "script")
        }
        entries[descriptor] = Entry(interest: interest, mode: mode, token: token)
    }

    func unregister(_ descriptor: Int32) throws(SystemError) {
        guard entries.removeValue(forKey: descriptor) != nil else {
            throw SystemError(errno: .noSuchFileOrDirectory, call: "script")
        }
    }

    func select(
        until deadline: Deadline, now: Deadline, _ report: (_ token: UInt64, Readiness) -> Void
    ) throws(SystemError) {
        if deadline != .immediate {
            waits.append(deadline)
            onWait(deadline)
        }
        if !script.isEmpty {
            for event in script.removeFirst() { report(event.token, event.readiness) }
        } else if deadline != .never {
            clock.advance(to: deadline)
        }
    }
}

/// A loop on a scripted selector.
struct ScriptedLoop {
    let clock = VirtualClock()
    let selector: ScriptedSelector
    let loop: Loop

    init(supportsEdge: Bool = true) throws {
        selector = ScriptedSelector(clock, supportsEdge: supportsEdge)
        let clock = clock
        loop = try Loop(selector: selector) { clock.now }
    }

    /// Runs rounds until no timer is left.
    func runTimers() {
        while loop.timerCount > 0 { loop.runOnce(until: .never) }
    }
}
