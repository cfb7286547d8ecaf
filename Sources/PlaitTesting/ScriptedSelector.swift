public import PlaitPlatform
public import PlaitSelectors
internal import SystemPackage

/// A selector that never blocks. It reports what a test has scripted. If there is nothing to
/// report, it advances the clock to the deadline instead of waiting.
public final class ScriptedSelector: ReadinessSelector {
    /// What a loop has registered for a descriptor.
    public struct Entry: Equatable {
        public var interest: Readiness
        public var mode: TriggerMode
        public var token: UInt64
    }

    public let supportsEdge: Bool
    private let clock: VirtualClock
    public private(set) var entries: [Int32: Entry] = [:]
    /// The deadlines of all calls of `select`, except those that did not wait.
    public private(set) var waits: [Deadline] = []
    /// What the next calls report, one entry for each call.
    public var script: [[(token: UInt64, readiness: Readiness)]] = []
    /// Every `select` that would block calls it, with its deadline.
    public var onWait: (Deadline) -> Void = { _ in }

    public init(_ clock: VirtualClock, supportsEdge: Bool = true) {
        self.clock = clock
        self.supportsEdge = supportsEdge
    }

    public func register(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        guard entries[descriptor] == nil else {
            throw SystemError(errno: .fileExists, call: "script")
        }
        entries[descriptor] = Entry(interest: interest, mode: mode, token: token)
    }

    public func modify(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        guard entries[descriptor] != nil else {
            throw SystemError(errno: .noSuchFileOrDirectory, call: "script")
        }
        entries[descriptor] = Entry(interest: interest, mode: mode, token: token)
    }

    public func unregister(_ descriptor: Int32) throws(SystemError) {
        guard entries.removeValue(forKey: descriptor) != nil else {
            throw SystemError(errno: .noSuchFileOrDirectory, call: "script")
        }
    }

    public func select(
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
