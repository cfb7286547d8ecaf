internal import PlaitPlatform

/// One strand's values of all ``StrandLocal``s. Each value stands at the place of its local.
@usableFromInline
package final class LocalTable: @unchecked Sendable {
    // Sendable: only the strand changes `boxes`, under `guardLock`; the strand reads it without the
    // lock, others under it.
    private let guardLock = ShortLock()
    /// Every read of a local looks here, so run-time checks of exclusivity are off.
    @exclusivity(unchecked) @usableFromInline private(set) var boxes: [LocalBox?] = []

    deinit { endAll() }

    /// The box at a place. Called on the strand.
    @inlinable
    package func box(at place: Int) -> LocalBox? {
        unsafe place < boxes.count ? boxes[place] : nil
    }

    /// Puts a box at a place and returns the box that was there. Called on the strand.
    @usableFromInline
    package func replace(_ box: LocalBox?, at place: Int) -> LocalBox? {
        guardLock.withLock {
            while unsafe boxes.count <= place { unsafe boxes.append(nil) }
            let old = unsafe boxes[place]
            unsafe boxes[place] = box
            return old
        }
    }

    /// Ends the life of all values. Returns false when there was none.
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

    /// The boxes at this moment. Any thread may ask.
    var all: [LocalBox] { guardLock.withLock { unsafe boxes.compactMap(\.self) } }
}

/// The value that one strand has of one ``StrandLocal``; the layer of strands fills it in.
open class LocalBox: @unchecked Sendable {
    // Sendable: constants; subclasses name their guards.

    /// The number of the local. No later local gets the same number.
    public let number: UInt64

    public init(number: UInt64) { self.number = number }

    /// Ends the value's life, unless somebody has ended it before, and removes the box from the
    /// local.
    open func end() { preconditionFailure("LocalBox is abstract") }

    /// What a debugger or a report shows of the value.
    open func snapshot(isOwner: Bool) -> LocalSnapshot? {
        preconditionFailure("LocalBox is abstract")
    }
}

/// A strand's value of a ``StrandLocal``, as a debugger or a report shows it.
public struct LocalSnapshot {
    /// The local.
    public let local: ObjectIdentifier
    /// The name that the program gave the local, or else the type of its value.
    public let name: String
    public let type: Any.Type
    /// The value. Nil if it belongs to another strand and is not `Sendable`, or if its strand is
    /// changing it at this moment.
    public let value: Any?

    package init(local: ObjectIdentifier, name: String, type: Any.Type, value: Any?) {
        self.local = local
        self.name = name
        self.type = type
        self.value = value
    }
}

extension Strand {
    /// The strand's values of all locals; made when first needed. Called on the strand.
    @usableFromInline
    package final func makeLocals() -> LocalTable {
        if let table = unsafe locals { return table }
        let table = LocalTable()
        joinLock.withLock { unsafe locals = table }
        return table
    }

    /// Frees the strand's values of all locals. The strand calls it at its end.
    package final func endLocals() {
        guard let table = unsafe locals else { return }
        // A value's `deinit` may give locals new values. POSIX goes round its keys four times as
        // well; values that appear after that go with the strand.
        for _ in 0..<4 where table.endAll() {}
    }

    /// The values that the strand has of its locals, in no order. Any thread may ask.
    /// - Source: gevent's `all_local_dicts_for_greenlet`.
    public final var localValues: [LocalSnapshot] {
        let table = joinLock.withLock { unsafe locals }
        let isOwner = unsafe ThreadCell.current.strand == Unmanaged.passUnretained(self).toOpaque()
        return table?.all.compactMap { $0.snapshot(isOwner: isOwner) } ?? []
    }
}
