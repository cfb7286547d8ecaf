internal import Synchronization

/// What a forked child knows of its parent's strands: of them it has the handles, and none runs.
///
/// They are told by their numbers rather than marked, since writing to them would copy their pages
/// for every child.
package enum ForkedChild {
    /// Strands with lower numbers are the parent's. 0 in a process that was not forked.
    static let firstNumber = Atomic<UInt64>(0)
    /// The strand that forked, which goes on in the child.
    static let survivor = Atomic<UInt64>(0)

    /// Another in each forked process, and 0 in one that was not: for what such a child must leave
    /// alone.
    package static var generation: UInt64 { firstNumber.load(ordering: .relaxed) }

    /// First in the child, by the thread's own strand.
    package static func begin() {
        survivor.store(Strand.current.id, ordering: .relaxed)
        firstNumber.store(StrandNumber.reserve(), ordering: .relaxed)
    }
}

extension Strand {
    /// Whether it had not ended when this process was forked, and was not the one that forked it.
    final var isLeftInParent: Bool {
        id < ForkedChild.firstNumber.load(ordering: .relaxed)
            && id != ForkedChild.survivor.load(ordering: .relaxed)
            && !hasEnded.load(ordering: .acquiring)
    }
}

/// A strand of the parent's, of which a forked child has only the handle.
public struct LeftInParent: Error, Sendable, CustomStringConvertible {
    public let strand: String

    public var description: String {
        "\(strand) runs in the parent: a forked child begins with the strand that forked it alone"
    }
}
