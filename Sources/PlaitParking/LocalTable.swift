internal import PlaitPlatform

/// A strand's values of all ``StrandLocal``s, each at the place of its local.
@usableFromInline
package final class LocalTable: @unchecked Sendable {
    // Sendable: `boxes` is changed by its strand alone, under `guardLock`; the strand reads it
    // without, others under the lock.
    private let guardLock = ShortLock()
    /// Every read of a local looks here: hence without run-time checks of exclusivity.
    @exclusivity(unchecked) @usableFromInline private(set) var boxes: [LocalBox?] = []

    deinit { endAll() }

    /// The box at a place. On the strand.
    @inlinable
    package func box(at place: Int) -> LocalBox? {
        unsafe place < boxes.count ? boxes[place] : nil
    }

    /// Puts a box at a place, and returns the one that was there. On the strand.
    @usableFromInline
    package func replace(_ box: LocalBox?, at place: Int) -> LocalBox? {
        guardLock.withLock {
            while unsafe boxes.count <= place { unsafe boxes.append(nil) }
            let old = unsafe boxes[place]
            unsafe boxes[place] = box
            return old
        }
    }

    /// Ends the life of all values. False when there was none.
    @discardableResult
    func endAll() -> Bool {
        let ended = guardLock.withLock {
            let ended = unsafe boxes
            unsafe boxes = []
            return ended
        }
        for box in ended { box?.end() }
        return !ended.isEmpty
    }

    /// The boxes just now. Any thread.
    var all: [LocalBox] { guardLock.withLock { unsafe boxes.compactMap(\.self) } }
}

/// The value that one strand has of one ``StrandLocal``; the layer of strands fills it in.
open class LocalBox: @unchecked Sendable {
    // Sendable: constants; subclasses name their guards.

    /// Of the local; never used again.
    public let number: UInt64

    public init(number: UInt64) { self.number = number }

    /// Ends the value's life, unless another has done it, and lets the local forget the box.
    open func end() { preconditionFailure("LocalBox is abstract") }

    /// For those who look.
    open func snapshot(isOwner: Bool) -> LocalSnapshot? {
        preconditionFailure("LocalBox is abstract")
    }
}

/// A strand's value of a ``StrandLocal``, for those who look.
public struct LocalSnapshot {
    /// The local.
    public let local: ObjectIdentifier
    /// The name that the local was given, or its value's type.
    public let name: String
    public let type: Any.Type
    /// Nil for another strand's value that is not `Sendable`, and for one that is being changed.
    public let value: Any?

    package init(local: ObjectIdentifier, name: String, type: Any.Type, value: Any?) {
        self.local = local
        self.name = name
        self.type = type
        self.value = value
    }
}

extension Strand {
    /// The strand's values of all locals; made when needed. On the strand.
    @usableFromInline
    package final func makeLocals() -> LocalTable {
        if let table = unsafe locals { return table }
        let table = LocalTable()
        joinLock.withLock { unsafe locals = table }
        return table
    }

    /// Frees the strand's values of all locals. On the strand, at its end.
    package final func endLocals() {
        guard let table = unsafe locals else { return }
        // A value's end may use locals again. As often as POSIX does it for its keys; what is made
        // after that goes with the strand.
        for _ in 0..<4 where table.endAll() {}
    }

    /// The locals that the strand has values of, in no order. Any thread.
    /// - Source: gevent's `all_local_dicts_for_greenlet`.
    public final var localValues: [LocalSnapshot] {
        let table = joinLock.withLock { unsafe locals }
        let isOwner = unsafe ThreadCell.current.strand == Unmanaged.passUnretained(self).toOpaque()
        return table?.all.compactMap { $0.snapshot(isOwner: isOwner) } ?? []
    }
}
