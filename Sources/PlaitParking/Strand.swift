public import PlaitPlatform
internal import Synchronization

/// What a strand runs on.
public enum StrandKind: String, Sendable, CaseIterable, Hashable {
    /// A stackful coroutine, pinned to the thread that started it.
    case fiber
    /// An operating-system thread.
    case thread
}

/// A unit of execution that can wait. This class has its identity and the verbs of every kind.
///
/// A thread that Plait did not start (the main thread, or a thread of the Swift runtime's pool)
/// gets a strand of kind ``StrandKind/thread`` when it first waits.
open class Strand: Parker, @unchecked Sendable {
    // Sendable: constants; atomics; `joinLock` guards `joiners`; `resultSlot` is the strand's until
    // it has ended, then constant; the strand sets `locals` once, under `joinLock`; it reads it
    // without the lock, others under it.

    /// Unique in the process.
    public let id: UInt64
    public let kind: StrandKind
    /// Whether the program may end without waiting for the strand.
    public let isDaemon: Bool
    let hasEnded = Atomic<Bool>(false)
    /// Guards `joiners`, and `locals` when other strands read it.
    let joinLock = ShortLock()
    @exclusivity(unchecked) var joiners = WaitQueue()
    private let givenName: String?
    /// Written by the strand before `hasEnded`, read by others after it.
    @exclusivity(unchecked) @usableFromInline var resultSlot = ResultSlot()
    /// The strand's values of ``StrandLocal``s; nil before the first one.
    @exclusivity(unchecked) @usableFromInline package var locals: LocalTable?

    public init(id: UInt64, kind: StrandKind, name: String?, isDaemon: Bool) {
        self.id = id
        self.kind = kind
        self.isDaemon = isDaemon
        givenName = name
        unsafe locals = nil
    }

    /// The name that the program gave the strand, or else its kind and number.
    public final var name: String { givenName ?? "\(kind.rawValue)-\(id)" }

    package var hasGivenName: Bool { givenName != nil }

    // MARK: What each kind of strand provides.

    /// Notes that `waiter` is about to be queued. Returns false if the wait is cancelled before it
    /// begins; then call nothing else for this waiter.
    open func prepare(_ waiter: Waiter, isCancellable: Bool) -> Bool {
        preconditionFailure("Strand is abstract")
    }

    /// Undoes ``prepare(_:isCancellable:)``, because the wait was not needed.
    open func abandon(_ waiter: Waiter) {
        preconditionFailure("Strand is abstract")
    }

    /// Stops the strand until `waiter` is settled and unparked; at `deadline`, settles it itself.
    open func park(_ waiter: Waiter, until deadline: Deadline) {
        preconditionFailure("Strand is abstract")
    }

    /// Makes the strand's current or next cancellable wait throw `CancellationError`.
    ///
    /// Any thread may call it. A call delivers at most one error, and none to a strand that has
    /// ended. The strand may catch the error and go on. A fiber of another hub is cancelled when
    /// that hub next looks at its messages.
    open func cancel() {
        preconditionFailure("Strand is abstract")
    }

    /// As ``cancel()``, on behalf of a scope that the strand owns. ``isCancelled`` does not
    /// remember it, and ``retractInterrupts()`` takes it back if it has not been delivered when the
    /// scope ends.
    ///
    /// - Parameter isWanted: Asked right before the interrupt takes effect, which may be late.
    open func interrupt(if isWanted: @escaping @Sendable () -> Bool) {
        preconditionFailure("Strand is abstract")
    }

    /// Takes back the interrupts of a scope that has ended, but not those of the scopes around it.
    /// The strand itself calls it.
    open func retractInterrupts() {
        preconditionFailure("Strand is abstract")
    }

    /// Whether ``cancel()`` was ever called on the strand.
    open var isCancelled: Bool {
        preconditionFailure("Strand is abstract")
    }

    /// The kernel's number of the thread that the strand runs on; nil before the strand starts and
    /// after its end. After the end the system may give the number to another thread.
    /// - Source: Python's `Thread.native_id`.
    open var nativeID: Int32? { nil }

    /// What the strand waits for at this moment; nil while it runs. Nil also for a fiber of another
    /// hub: see `Hub.waits`.
    open var currentWait: WaitSnapshot? { nil }

    // MARK: The current strand

    /// The strand of the thread that the program began with.
    ///
    /// A strand that joins it goes on when the end of the program has begun: see `ProgramEnd`.
    /// - Source: Python's `threading.main_thread`.
    public static var main: Strand { ThreadStrand.mainThread }

    /// The strand that runs this code.
    public static var current: Strand {
        unsafe currentReference._withUnsafeGuaranteedRef { $0 }
    }

    /// The strand that runs this code, unretained: valid only while that strand is the running one.
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

extension Strand: CustomStringConvertible {
    /// Its kind, name and state, such as `fiber getter (waits)`.
    public final var description: String {
        let state = isAlive ? currentWait.map { "waits in \($0.verb)" } ?? "alive" : "ended"
        return "\(kind.rawValue) \(name) (\(state)\(isDaemon ? ", daemon" : ""))"
    }
}

/// Numbers for strands, unique in the process.
@usableFromInline
package enum StrandNumber {
    private static let last = Atomic<UInt64>(0)

    /// A bit in the number of code that runs between strands, such as a loop's callbacks, and
    /// cannot wait.
    @inlinable package static var cannotWait: UInt64 { 1 << 62 }

    /// Reserves `count` numbers and returns the first. Hubs reserve many at once, so that starting
    /// a fiber costs no atomic operation.
    package static func reserve(_ count: UInt64 = 1) -> UInt64 {
        last.wrappingAdd(count, ordering: .relaxed).oldValue + 1
    }
}

/// One wait: which strand waits, for what, and since when.
public struct WaitSnapshot: Sendable, CustomStringConvertible {
    public let strand: Strand
    /// The type and verb of the wait, such as `Queue.get`.
    public let verb: String
    /// The object that the strand waits for; nil for a sleep.
    public let object: ObjectIdentifier?
    /// What the object is called: its name, or where it was made; nil where it is not known.
    public let label: ObjectLabel?
    /// The strand that holds the lock which is waited for, as far as it is known.
    let holder: StrandKey?
    /// When the wait began, on the monotonic clock.
    public let since: Deadline

    package init(strand: Strand, waiter: Waiter) {
        self.strand = strand
        verb = waiter.target.verb.description
        object = waiter.target.object
        let labelled = waiter.target.labelledObject
        label = labelled?.label
        holder = labelled?.holderOfWaits
        since = Deadline(nanoseconds: waiter.since)
    }

    public var description: String { "\(strand.name): \(what)" }

    /// What it waits for, held by whom, and for how long.
    package var what: String {
        let now = monotonicNow()
        let waited = now > since.nanoseconds ? now - since.nanoseconds : 0
        let object =
            label.map { " on \($0.name ?? "the one \($0)")" }
            ?? object.map { " on 0x\(String(UInt(bitPattern: $0), radix: 16))" } ?? ""
        let held = holder.map { ", held by \($0.holderName)" } ?? ""
        return "\(verb)\(object)\(held), for \(waited / 1_000_000) ms"
    }
}
