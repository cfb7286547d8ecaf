public import Synchronization

/// How a wait ended.
@frozen
public enum WaitOutcome: UInt32, Sendable {
    /// Not yet.
    case pending = 0
    /// A waker ended it: what the waiter waited for has come.
    case woken = 1
    /// Its deadline passed first.
    case timedOut = 2
    /// Its strand or task was cancelled first.
    case cancelled = 3
    /// A waker ended it and has given the waiter what it waited for.
    case granted = 4

    /// Whether a waker ended it.
    // A switch, since `==` of an enum with raw values is a generic call.
    @inlinable public var isWoken: Bool {
        switch self {
        case .woken, .granted: true
        case .pending, .timedOut, .cancelled: false
        }
    }

    @inlinable var isPending: Bool {
        switch self {
        case .pending: true
        case .woken, .granted, .timedOut, .cancelled: false
        }
    }
}

/// What a strand waits for, as reports show it: for example `Queue.get`, and which queue.
@safe
public struct WaitTarget: @unchecked Sendable {
    // Sendable: all is constant. The wait keeps the object that `reference` stands for.

    /// The type and verb, such as `Queue.get`.
    public let verb: StaticString
    /// The object that the strand waits for, if there is one. It lives as long as the wait.
    @usableFromInline let reference: Unmanaged<AnyObject>?
    /// Whether only a loop can wake the strand.
    @usableFromInline package let isOfLoop: Bool

    @inlinable
    public init(_ verb: StaticString, _ object: AnyObject? = nil) {
        self.init(verb, object, isOfLoop: false)
    }

    /// A target that a loop watches.
    @inlinable
    package init(_ verb: StaticString, _ object: AnyObject?, isOfLoop: Bool) {
        self.verb = verb
        unsafe reference = object.map { unsafe .passUnretained($0) }
        self.isOfLoop = isOfLoop
    }

    /// The object, where reports can name it.
    var labelledObject: (any LabelledObject)? {
        unsafe reference?.takeUnretainedValue() as? any LabelledObject
    }

    public var object: ObjectIdentifier? {
        unsafe reference.map { unsafe unsafeBitCast($0.toOpaque(), to: ObjectIdentifier.self) }
    }
}

/// One wait of one strand, from before it is queued until it has ended: the memory behind
/// ``Waiter``.
@unsafe
public struct WaiterNode: ~Copyable {
    /// The deadline's place in a timer wheel. Used only by the wheel's thread, or under its lock.
    /// It is the first field, so its address is that of the node.
    @usableFromInline var timer = unsafe TimerNode()
    /// A ``WaitOutcome``. One compare-and-swap from `.pending` settles the wait, once. The thread
    /// that made it unparks the strand, exactly once.
    @usableFromInline let outcome = Atomic<UInt32>(0)
    /// Whether a ``WaitQueue`` links this node. That queue's lock guards this field and the links.
    @usableFromInline var isQueued = false
    /// Whether this is the primary node of a group, whose members are linked in its place.
    @usableFromInline var hasMembers = false
    /// Set by the thread that unparks a spinning task: see TaskSpinning.swift.
    @usableFromInline let isReleased = Atomic<Bool>(false)
    @usableFromInline var next: UnsafeMutablePointer<WaiterNode>?
    @usableFromInline var previous: UnsafeMutablePointer<WaiterNode>?
    /// In a member of a group: the node that the strand waits with. Only that node is settled. Nil
    /// in all other nodes. See WaiterGroup.swift.
    @usableFromInline var primary: UnsafeMutablePointer<WaiterNode>?
    /// In a primary node: the member through which it was settled. The thread that settled it
    /// writes this before unparking, and the strand reads it after.
    @usableFromInline var winner: UnsafeMutablePointer<WaiterNode>?
    /// Outlives the wait, since the strand cannot end before it is unparked. Nil in a member of a
    /// group: its primary has the parker.
    @usableFromInline let parker: Unmanaged<Parker>?
    /// The place where the waker leaves an item or finds one. The waiting frame owns it.
    @usableFromInline var slot: UnsafeMutableRawPointer?
    /// When the wait began, in nanoseconds of CLOCK_MONOTONIC. The strand sets it before or while
    /// it is queued. Atomic, since a listing of waits may read it at any time.
    @usableFromInline let since = Atomic<UInt64>(0)
    @usableFromInline let target: WaitTarget

    @inlinable
    init(parker: Unmanaged<Parker>?, target: WaitTarget, slot: UnsafeMutableRawPointer?) {
        unsafe self.parker = unsafe parker
        unsafe self.target = target
        unsafe self.slot = unsafe slot
        unsafe next = nil
        unsafe previous = nil
        unsafe primary = nil
        unsafe winner = nil
    }
}

/// A handle on one wait.
///
/// Wakers reach a waiter only while it is in a queue, under that queue's lock. They settle it
/// there. If settling succeeded they unpark it after unlocking; the strand does not go on before
/// that, so the memory lives long enough. A strand whose wait times out or is cancelled withdraws
/// the waiter from the queue, under the same lock, before its memory goes.
@safe
public struct Waiter: Equatable, @unchecked Sendable {
    // Sendable: `outcome` is atomic, the other fields have the guards named at WaiterNode.
    @usableFromInline let node: UnsafeMutablePointer<WaiterNode>

    @inlinable
    init(_ node: UnsafeMutablePointer<WaiterNode>) { unsafe self.node = unsafe node }

    @inlinable
    public static func == (left: Waiter, right: Waiter) -> Bool {
        unsafe left.node == right.node
    }

    /// How the wait ended; `.pending` until it has.
    @inlinable public var outcome: WaitOutcome {
        // .acquiring pairs with the .releasing of settle(): what the waker wrote is visible.
        switch unsafe (node.pointee.primary ?? node).pointee.outcome.load(ordering: .acquiring) {
        case 0: .pending
        case 1: .woken
        case 2: .timedOut
        case 3: .cancelled
        default: .granted
        }
    }

    /// Ends the wait with `outcome` unless it has ended already. Whoever gets `true` must
    /// ``unpark()``.
    @inlinable
    public func settle(_ outcome: WaitOutcome) -> Bool {
        if unsafe node.pointee.primary != nil { return settleGroup(outcome) }
        return unsafe node.pointee.outcome.compareExchange(
            expected: 0, desired: outcome.rawValue, successOrdering: .acquiringAndReleasing,
            failureOrdering: .acquiring
        ).exchanged
    }

    /// Lets the strand go on. The thread that settled the wait calls it, exactly once and under no
    /// lock.
    @inlinable
    public func unpark() {
        let owner = unsafe Waiter(node.pointee.primary ?? node)
        let parker = unsafe owner.node.pointee.parker.unsafelyUnwrapped
        unsafe parker._withUnsafeGuaranteedRef { $0.unpark(owner) }
    }

    /// The place of the item; nil for waits that pass none.
    @inlinable public var slot: UnsafeMutableRawPointer? { unsafe node.pointee.slot }

    /// When the wait began, in nanoseconds of CLOCK_MONOTONIC. For a fiber this is its hub's last
    /// reading of the clock.
    @inlinable public var since: UInt64 {
        get { unsafe node.pointee.since.load(ordering: .relaxed) }
        nonmutating set { unsafe node.pointee.since.store(newValue, ordering: .relaxed) }
    }

    /// Whether a waker may find the waiter in the queue of a primitive. Takes no lock: the caller
    /// must know that no other thread runs.
    package var isListed: Bool {
        unsafe (node.pointee.isQueued || node.pointee.hasMembers) && !node.pointee.target.isOfLoop
    }

    @inlinable public var target: WaitTarget { unsafe node.pointee.target }

    /// The node's timer, in the same memory.
    package var timer: Timer {
        unsafe Timer(UnsafeMutableRawPointer(node).assumingMemoryBound(to: TimerNode.self))
    }

    /// The waiter as an opaque word, and back.
    package var address: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(node) }
    package init(address: UnsafeMutableRawPointer) {
        unsafe node = unsafe address.assumingMemoryBound(to: WaiterNode.self)
    }
}

/// What makes a stopped strand or task go on.
open class Parker: @unchecked Sendable {
    // Sendable: has no state of its own; subclasses name their guards.
    public init() {}

    /// Lets the wait's owner go on. Any thread may call it, once for every settled wait. The object
    /// may be gone as soon as the owner can run.
    open func unpark(_ waiter: Waiter) {
        preconditionFailure("Parker is abstract")
    }
}
