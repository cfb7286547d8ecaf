internal import CPlaitLinux
internal import Glibc

/// What a descriptor is ready for, or what a wait is interested in.
public struct Readiness: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A read would not block: data, a pending connection, or an end.
    public static let readable = Readiness(rawValue: 1)
    /// A write would not block.
    public static let writable = Readiness(rawValue: 2)
    /// The peer will send no more, or the connection is gone, or the descriptor has an error.
    public static let hangup = Readiness(rawValue: 4)
}

/// When a selector reports a descriptor.
public enum TriggerMode: Sendable {
    /// As long as it is ready.
    case level
    /// When it becomes ready.
    case edge
}

/// poll(2) over a growing table of descriptors.
package struct PollCalls: Sendable {
    private var table: [pollfd] = []

    package init() {}

    package mutating func append(_ number: Int32, _ interest: Readiness) {
        table.append(pollfd(fd: number, events: 0, revents: 0))
        setInterest(interest, of: number, at: table.count - 1)
    }

    package mutating func setInterest(_ interest: Readiness, of number: Int32, at index: Int) {
        // poll(2) skips negative numbers. Otherwise it would report hang-ups for which nobody
        // asked.
        table[index].fd = interest.isEmpty ? ~number : number
        table[index].events = PollCalls.events(interest)
    }

    /// Removes an entry; the last one takes its place.
    package mutating func remove(at index: Int) {
        table.swapAt(index, table.count - 1)
        table.removeLast()
    }

    package mutating func wait(
        nanoseconds: Int64, _ report: (Int, Readiness) -> Void
    ) throws(SystemError) -> Int {
        let count = UInt32(table.count)
        let code = unsafe table.withUnsafeMutableBytes { bytes in
            var none = pollfd()
            guard let base = bytes.baseAddress else {
                return unsafe plait_poll(&none, 0, nanoseconds, 0)
            }
            return unsafe plait_poll(base, count, nanoseconds, 0)
        }
        guard code >= 0 else {
            if code == -EINTR { return 0 }
            throw SystemError(negative: code, call: "ppoll")
        }
        guard code > 0 else { return 0 }
        for index in table.indices where table[index].revents != 0 {
            report(index, PollCalls.readiness(table[index].revents))
        }
        return Int(code)
    }

    private static func events(_ interest: Readiness) -> Int16 {
        (interest.contains(.readable) ? Int16(POLLIN) | Int16(POLLRDHUP) : 0)
            | (interest.contains(.writable) ? Int16(POLLOUT) : 0)
    }

    fileprivate static func readiness(_ events: Int16) -> Readiness {
        var ready: Readiness = []
        if events & Int16(POLLIN) != 0 { ready.insert(.readable) }
        if events & Int16(POLLOUT) != 0 { ready.insert(.writable) }
        if events & Int16(POLLRDHUP | POLLHUP | POLLERR | POLLNVAL) != 0 {
            ready.formUnion([.readable, .hangup])
            if events & Int16(POLLHUP | POLLERR | POLLNVAL) != 0 { ready.insert(.writable) }
        }
        return ready
    }
}

private let POLLRDHUP: Int32 = 0x2000

/// How the wait of a thread for one descriptor ended.
package enum DescriptorWait { case ready(Readiness), timedOut, interrupted }

/// Blocks the thread until `number` is ready. The signal `interrupt` is blocked except during the
/// wait, so that a signal sent before the wait is not lost.
package func waitForDescriptor(
    _ number: Int32, _ interest: Readiness, until deadline: Deadline, interrupt: Int32
) throws(SystemError) -> DescriptorWait {
    var entry = pollfd(
        fd: number,
        events: (interest.contains(.readable) ? Int16(POLLIN) : 0)
            | (interest.contains(.writable) ? Int16(POLLOUT) : 0),
        revents: 0)
    var timeout: Int64 = -1
    if deadline != .never {
        let now = monotonicNow()
        timeout = deadline.nanoseconds <= now ? 0 : Int64(clamping: deadline.nanoseconds - now)
    }
    let code = unsafe plait_poll(&entry, 1, timeout, interrupt)
    if code == -EINTR { return .interrupted }
    guard code >= 0 else {
        throw SystemError(negative: code, call: "ppoll", subject: "descriptor \(number)")
    }
    return code == 0 ? .timedOut : .ready(PollCalls.readiness(entry.revents))
}
