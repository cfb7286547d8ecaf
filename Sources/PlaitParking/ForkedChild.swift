internal import Synchronization

/// Tells a forked child which strands belong to its parent. The child has their handles, but none
/// of them runs in it.
///
/// The child recognises the parent's strands by their numbers. It does not mark them, since a write
/// to each of them would copy its page in every child.
package enum ForkedChild {
    /// Strands with lower numbers are the parent's. 0 in a process that was not forked.
    static let firstNumber = Atomic<UInt64>(0)
    /// The strand that forked, which goes on in the child.
    static let survivor = Atomic<UInt64>(0)

    /// A number that differs in each forked process, and 0 in a process that was not forked. Code
    /// that must leave a parent's objects alone compares it.
    package static var generation: UInt64 { firstNumber.load(ordering: .relaxed) }

    /// Called first in the child, by the strand of the thread that forked.
    package static func begin() {
        survivor.store(Strand.current.id, ordering: .relaxed)
        firstNumber.store(StrandNumber.reserve(), ordering: .relaxed)
        AllAsleep.forgetAfterFork()
    }
}

extension Strand {
    /// Whether the strand was alive in the parent at the fork, and is not the strand that forked.
    final var isLeftInParent: Bool {
        id < ForkedChild.firstNumber.load(ordering: .relaxed)
            && id != ForkedChild.survivor.load(ordering: .relaxed)
            && !hasEnded.load(ordering: .acquiring)
    }
}

/// A forked child asked for something of a strand that runs only in its parent.
public struct LeftInParent: Error, Sendable, CustomStringConvertible {
    public let strand: String

    public var description: String {
        "\(strand) runs in the parent: a forked child begins with the strand that forked it alone"
    }
}
