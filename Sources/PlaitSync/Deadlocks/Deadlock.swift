public import PlaitPlatform

/// Strands that wait for each other in a circle, so that none can ever go on.
public struct Deadlock: Sendable, CustomStringConvertible {
    /// One strand of the circle. It waits for a lock that the next member holds; the last member
    /// waits for the first.
    public struct Member: Sendable {
        /// Its name.
        public let strand: String
        /// The lock it waits for, by name if it has one.
        public let waitsFor: String
        /// Since when, on the monotonic clock.
        public let since: Deadline
        /// The locks of the circle that the strand holds, and all others that it is known to hold.
        public let holds: [HeldLock]
    }

    /// A lock that a strand holds.
    public struct HeldLock: Sendable, CustomStringConvertible {
        public let lock: String
        /// Since when. Nil unless the lock is a ``Lock`` or ``RLock`` that was made while
        /// ``DeadlockDetection/checksLockOrder`` or ``DeadlockDetection/capturesStacks`` was set.
        public let since: Deadline?
        /// Where the strand acquired it, innermost frame first. Empty unless
        /// ``DeadlockDetection/capturesStacks`` was set when the lock was made.
        public let acquiredAt: [String]

        public var description: String {
            let age = since.map { ", for \(milliseconds(since: $0))" } ?? ""
            let place = acquiredAt.map { "\n        \($0)" }.joined()
            return place.isEmpty ? lock + age : "\(lock)\(age), acquired at\(place)"
        }
    }

    /// The strands, in the order of the circle.
    public let members: [Member]

    public var description: String {
        let lines = members.map { member in
            let holds = member.holds.map { "\n    holds \($0)" }.joined()
            return """

                \(member.strand) waits for \(member.waitsFor), for \
                \(milliseconds(since: member.since))\(holds)
                """
        }
        let what =
            members.count == 1
            ? "a strand waits for what it holds itself"
            : "\(members.count) strands wait for each other"
        return "deadlock: \(what):" + lines.joined()
    }
}

private func milliseconds(since instant: Deadline) -> String {
    let now = monotonicNow()
    let age = now > instant.nanoseconds ? now - instant.nanoseconds : 0
    return "\(age / 1_000_000) ms"
}

/// A wait for a lock would have closed a circle: see ``DeadlockDetection``.
public struct DeadlockError: Error, Sendable, CustomStringConvertible {
    public let deadlock: Deadlock
    public var description: String { deadlock.description }
}

/// Two orders of taking locks that could lead to a deadlock, although they have not done so yet.
public struct LockInversion: Sendable, CustomStringConvertible {
    /// The strand that took the locks in the second order.
    public let strand: String
    /// The lock that the strand held; `taken` is the lock that it took then.
    public let held: String
    public let taken: String
    /// A chain of locks that leads from the lock taken now to the lock held. Each of them was taken
    /// earlier, while its predecessor in the chain was held.
    public let earlierOrder: [String]
    /// Where the lock was taken, innermost frame first. Empty unless
    /// ``DeadlockDetection/capturesStacks`` was set when the lock was made.
    public let takenAt: [String]

    public var description: String {
        let place = takenAt.map { "\n    \($0)" }.joined()
        return """
            lock order: \(strand) took \(taken) while it held \(held), but before they were taken \
            in the order \(earlierOrder.joined(separator: ", ")): this can end in a deadlock\(place)
            """
    }
}
