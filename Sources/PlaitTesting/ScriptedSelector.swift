public import PlaitPlatform
public import PlaitSelectors
internal import SystemPackage

/// A selector that never blocks: it reports what a test has scripted, and where there is nothing to
/// report it advances the clock to the deadline instead of waiting for it.
public final class ScriptedSelector: ReadinessSelector {
    /// What is registered of a descriptor.
    public struct Entry: Equatable {
        public var interest: Readiness
        public var mode: TriggerMode
        public var token: UInt64
    }

    public let supportsEdge: Bool
    private let clock: VirtualClock
    public private(set) var entries: [Int32: Entry] = [:]
    /// The deadlines of the calls of `select`, without those that only looked.
    public private(set) var waits: [Deadline] = []
    /// What the coming calls report.
    public var script: [[(token: UInt64, readiness: Readiness)]] = []
    /// Called in every `select` that would block, with its deadline.
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
