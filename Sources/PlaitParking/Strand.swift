public import PlaitPlatform
internal import Synchronization

/// What a strand runs on.
public enum StrandKind: String, Sendable, CaseIterable, Hashable {
    /// A stackful coroutine, pinned to the thread that started it.
    case fiber
    /// An operating-system thread.
    case thread
}

/// A unit of execution that can wait: its identity, and the verbs that every kind has.
///
/// The thread that Plait did not start (the main thread, a thread of the Swift runtime's pool) gets
/// a strand of kind ``StrandKind/thread`` when it first waits.
open class Strand: Parker, @unchecked Sendable {
    // Sendable: constants; atomics; `joinLock` guards `joiners`; `resultSlot` is the strand's until
    // it has ended, then constant; `locals` is set by the strand, once, under `joinLock`: it reads
    // it without, others under the lock.

    /// Unique in the process.
    public let id: UInt64
    public let kind: StrandKind
    /// Whether the end of the program does not wait for it.
    public let isDaemon: Bool
    let hasEnded = Atomic<Bool>(false)
    /// Guards `joiners`, and `locals` where others look.
    let joinLock = ShortLock()
    @exclusivity(unchecked) var joiners = WaitQueue()
    private let givenName: String?
    /// Written by the strand before `hasEnded`, read by others after it.
    @exclusivity(unchecked) @usableFromInline var resultSlot = ResultSlot()
    /// Its values of ``StrandLocal``s; nil before the first.
    @exclusivity(unchecked) @usableFromInline package var locals: LocalTable?

    public init(id: UInt64, kind: StrandKind, name: String?, isDaemon: Bool) {
        self.id = id
        self.kind = kind
        self.isDaemon = isDaemon
        givenName = name
        unsafe locals = nil
    }

    /// The name it was given, or its kind and number.
    public final var name: String { givenName ?? "\(kind.rawValue)-\(id)" }

    package var hasGivenName: Bool { givenName != nil }

    // MARK: What a kind of strand provides. Called only on the strand itself, but for the last two.

    /// Notes that `waiter` is about to be queued. False when the wait is cancelled beforehand; then
    /// nothing else may be called for it.
    open func prepare(_ waiter: Waiter, isCancellable: Bool) -> Bool {
        preconditionFailure("Strand is abstract")
    }

    /// Takes back ``prepare(_:isCancellable:)``: the wait was not needed.
    open func abandon(_ waiter: Waiter) {
        preconditionFailure("Strand is abstract")
    }

    /// Stops the strand until `waiter` is settled and unparked; at `deadline`, settles it itself.
    open func park(_ waiter: Waiter, until deadline: Deadline) {
        preconditionFailure("Strand is abstract")
    }

    /// Makes the strand's current or next cancellable wait throw `CancellationError`.
    ///
    /// Any thread may call it; a call delivers at most one error, and none to a strand that has
    /// ended. The strand may catch it and go on. For a fiber on another hub it takes effect when
    /// that hub next looks at its messages.
    open func cancel() {
        preconditionFailure("Strand is abstract")
    }

    /// As ``cancel()``, on behalf of a scope that the strand owns: without being remembered, and to
    /// be taken back by ``retractInterrupts()`` if it has not been delivered when the scope ends.
    ///
    /// - Parameter isWanted: Asked right before it takes effect, which may be late.
    open func interrupt(if isWanted: @escaping @Sendable () -> Bool) {
        preconditionFailure("Strand is abstract")
    }

    /// Takes back the interrupts that are not wanted any more: of a scope that has ended, not of
    /// those around it. On the strand itself.
    open func retractInterrupts() {
        preconditionFailure("Strand is abstract")
    }

    /// Whether ``cancel()`` was ever called on it.
    open var isCancelled: Bool {
        preconditionFailure("Strand is abstract")
    }

    /// The kernel's number of the thread that it runs on; nil before it has started and after its
    /// end. The system may give the number to another thread then.
    /// - Source: Python's `Thread.native_id`.
    open var nativeID: Int32? { nil }

    /// What it waits for just now; nil when it runs. Of another hub's fiber: nil; see `Hub.waits`.
    open var currentWait: WaitSnapshot? { nil }

    // MARK: The current strand

    /// The strand of the thread that the program began with.
    ///
    /// It has ended, for those who join it, when the end of the program has begun: see
    /// `ProgramEnd`.
    /// - Source: Python's `threading.main_thread`.
    public static var main: Strand { ThreadStrand.mainThread }

    /// The strand that runs this code.
    public static var current: Strand {
        unsafe currentReference._withUnsafeGuaranteedRef { $0 }
    }

    /// The strand that runs this code, unretained: good as long as it is the running one.
    @inlinable
    package static var currentReference: Unmanaged<Strand> {
        if let strand = unsafe ThreadCell.current.strand {
            return unsafe Unmanaged.fromOpaque(strand)
        }
        return unsafe ThreadStrand.adoptThread()
    }

    /// Whether this code may wait, or let others run. Read by every yield.
    @inlinable
    package static var currentCanWait: Bool {
        unsafe currentReference._withUnsafeGuaranteedRef { $0.id & StrandNumber.cannotWait == 0 }
    }
}

/// Numbers for strands, unique in the process.
@usableFromInline
package enum StrandNumber {
    private static let last = Atomic<UInt64>(0)

    /// A bit in the number of what runs between strands, such as a loop's callbacks, and cannot wait.
    @inlinable package static var cannotWait: UInt64 { 1 << 62 }

    /// Reserves `count` numbers and returns the first: hubs take them in bulk, so that starting a
    /// fiber costs no atomic operation.
    package static func reserve(_ count: UInt64 = 1) -> UInt64 {
        last.wrappingAdd(count, ordering: .relaxed).oldValue + 1
    }
}

/// Who waits, on what, since when.
public struct WaitSnapshot: Sendable, CustomStringConvertible {
    public let strand: Strand
    /// Such as `Queue.get`.
    public let verb: String
    /// The object waited on; nil for a sleep.
    public let object: ObjectIdentifier?
    /// When the wait began, on the monotonic clock.
    public let since: Deadline

    package init(strand: Strand, waiter: Waiter) {
        self.strand = strand
        verb = waiter.target.verb.description
        object = waiter.target.object
        since = Deadline(nanoseconds: waiter.since)
    }

    public var description: String {
        let now = monotonicNow()
        let waited = now > since.nanoseconds ? now - since.nanoseconds : 0
        let place = object.map { " on 0x\(String(UInt(bitPattern: $0), radix: 16))" } ?? ""
        return "\(strand.name): \(verb)\(place) for \(waited / 1_000_000) ms"
    }
}
