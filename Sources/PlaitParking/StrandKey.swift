public import PlaitPlatform

/// Identifies the running thread, fiber or Swift task by one word that can be compared. A lock
/// knows its holder by this word.
///
/// No number is used twice, so a strand that ended while it held a lock is not taken for a later
/// one.
@usableFromInline
package struct StrandKey: Hashable, Sendable {
    @usableFromInline package let bits: UInt64

    @inlinable
    package init(bits: UInt64) { self.bits = bits }

    /// Nobody, or somebody unknown.
    @inlinable package static var none: StrandKey { StrandKey(bits: 0) }

    @inlinable
    package init(_ strand: Strand) { bits = strand.id }

    /// The running strand, without a check for a task: for callers that are never in a task or need
    /// not know.
    @inlinable
    package static var ofStrand: StrandKey {
        unsafe Strand.currentReference._withUnsafeGuaranteedRef { StrandKey($0) }
    }

    /// The running fiber; if there is none, the running task; if there is none, the thread.
    // The fiber comes first: a task that runs a hub, as an async `main` may, is current in its
    // fibers too.
    @inlinable
    package static var current: StrandKey {
        if unsafe ThreadCell.current.stack != nil { return ofStrand }
        return ofTask ?? ofStrand
    }

    /// The running task; nil outside of one.
    @inlinable
    package static var ofTask: StrandKey? {
        let task = currentTaskNumber()
        return task == 0 ? nil : StrandKey(bits: task | taskBit)
    }

    /// Whether the key stands for a task.
    package var isTask: Bool { bits & StrandKey.taskBit != 0 }

    /// Strand numbers never reach this bit.
    @usableFromInline static var taskBit: UInt64 { 1 << 63 }

    /// What messages call it. A fiber is known by its number only, a thread by its name.
    var holderName: String {
        if isTask { return "a task" }
        return ThreadRegistry.all.first { $0.id == bits }?.name ?? "strand \(bits)"
    }
}
