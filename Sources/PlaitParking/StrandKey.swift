public import PlaitPlatform

/// Who runs, as one word that can be compared: a thread, a fiber or a Swift task. It is what a lock
/// knows of its holder.
///
/// No number is ever used again: who ends holding a lock is not taken for a later one.
@usableFromInline
package struct StrandKey: Hashable, Sendable {
    @usableFromInline package let bits: UInt64

    @inlinable
    package init(bits: UInt64) { self.bits = bits }

    /// Nobody, or somebody unknown.
    @inlinable package static var none: StrandKey { StrandKey(bits: 0) }

    @inlinable
    package init(_ strand: Strand) { bits = strand.id }

    /// The running strand, without a look for a task: for callers that cannot be one, or need not
    /// tell.
    @inlinable
    package static var ofStrand: StrandKey {
        unsafe Strand.currentReference._withUnsafeGuaranteedRef { StrandKey($0) }
    }

    /// Who runs: the running fiber; else the running task; else the thread.
    // The fiber first: a task that runs a hub, as an async `main` may, is current in its fibers
    // too.
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

    /// Whether it is a task.
    package var isTask: Bool { bits & StrandKey.taskBit != 0 }

    /// No number gets this high.
    @usableFromInline static var taskBit: UInt64 { 1 << 63 }
}
