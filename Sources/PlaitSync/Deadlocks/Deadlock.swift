public import PlaitPlatform

/// Strands that wait for each other in a circle, so that none can ever go on.
public struct Deadlock: Sendable, CustomStringConvertible {
    /// One of them: it waits for a lock that the next one, or after the last the first, holds.
    public struct Member: Sendable {
        /// Its name.
        public let strand: String
        /// The lock it waits for, by name if it has one.
        public let waitsFor: String
        /// Since when, on the monotonic clock.
        public let since: Deadline
        /// What it holds of the circle, and all else that is known to be its.
        public let holds: [HeldLock]
    }

    /// A lock that a strand holds.
    public struct HeldLock: Sendable, CustomStringConvertible {
        public let lock: String
        /// Since when; nil unless it is a ``Lock`` or ``RLock`` and
        /// ``DeadlockDetection/checksLockOrder`` or ``DeadlockDetection/capturesStacks`` was set
        /// when the lock was made.
        public let since: Deadline?
        /// Where it was acquired, innermost first; empty unless
        /// ``DeadlockDetection/capturesStacks`` was set when the lock was made.
        public let acquiredAt: [String]

        public var description: String {
            let age = since.map { ", for \(milliseconds(since: $0))" } ?? ""
            let place = acquiredAt.map { "\n        \($0)" }.joined()
            return place.isEmpty ? lock + age : "\(lock)\(age), acquired at\(place)"
        }
    }

    /// In the order of the circle.
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

/// The wait for a lock would have closed a circle: see ``DeadlockDetection``.
public struct DeadlockError: Error, Sendable, CustomStringConvertible {
    public let deadlock: Deadlock
    public var description: String { deadlock.description }
}

/// Two orders of taking locks that could meet in a deadlock, though they have not.
public struct LockInversion: Sendable, CustomStringConvertible {
    /// Who took them in the second order.
    public let strand: String
    /// What it held, and what it took then.
    public let held: String
    public let taken: String
    /// The chain of locks from the one that was taken to the one that was held, each taken before
    /// while the one ahead of it was held.
    public let earlierOrder: [String]
    /// Where the lock was taken, innermost first; empty unless
    /// ``DeadlockDetection/capturesStacks`` was set when it was made.
    public let takenAt: [String]

    public var description: String {
        let place = takenAt.map { "\n    \($0)" }.joined()
        return """
            lock order: \(strand) took \(taken) while it held \(held), but before they were taken \
            in the order \(earlierOrder.joined(separator: ", ")): this can end in a deadlock\(place)
            """
    }
}
