public import PlaitPlatform
internal import SystemPackage

/// POSIX's `poll(2)`. It works on every descriptor, and its cost grows with their number.
public final class PollSelector: ReadinessSelector {
    private var poll = PollCalls()
    /// The descriptor and token of each entry of `poll`, in the same order.
    private var entries: [(descriptor: Int32, token: UInt64)] = []
    private var indices: [Int32: Int] = [:]
    /// What a call has found. It is reported after the call, since a report may change the table.
    private var found: [(token: UInt64, readiness: Readiness)] = []

    public init() {}

    public var supportsEdge: Bool { false }

    public func register(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        demand(mode == .level, "poll(2) knows no edges: register with .level")
        guard indices[descriptor] == nil else {
            throw SystemError(errno: .fileExists, call: "poll", subject: "descriptor \(descriptor)")
        }
        indices[descriptor] = entries.count
        entries.append((descriptor, token))
        poll.append(descriptor, interest)
    }

    public func modify(
        _ descriptor: Int32, interest: Readiness, mode: TriggerMode, token: UInt64
    ) throws(SystemError) {
        let index = try index(of: descriptor)
        entries[index].token = token
        poll.setInterest(interest, of: descriptor, at: index)
    }

    public func unregister(_ descriptor: Int32) throws(SystemError) {
        let index = try index(of: descriptor)
        indices[descriptor] = nil
        poll.remove(at: index)
        entries.swapAt(index, entries.count - 1)
        entries.removeLast()
        if index < entries.count { indices[entries[index].descriptor] = index }
    }

    public func select(
        until deadline: Deadline, now: Deadline, _ report: (_ token: UInt64, Readiness) -> Void
    ) throws(SystemError) {
        found.removeAll(keepingCapacity: true)
        _ = try poll.wait(nanoseconds: timeout(until: deadline, now: now)) { index, readiness in
            found.append((entries[index].token, readiness))
        }
        for (token, readiness) in found { report(token, readiness) }
    }

    private func index(of descriptor: Int32) throws(SystemError) -> Int {
        guard let index = indices[descriptor] else {
            throw SystemError(
                errno: .noSuchFileOrDirectory, call: "poll", subject: "descriptor \(descriptor)")
        }
        return index
    }
}
