public import Synchronization

/// How a wait ended.
@frozen
public enum WaitOutcome: UInt32, Sendable {
    /// Not yet.
    case pending = 0
    /// What it waited for came.
    case woken = 1
    /// Its deadline passed first.
    case timedOut = 2
    /// Its strand or task was cancelled first.
    case cancelled = 3
    /// Woken, and what it waited for has been made its own already.
    case granted = 4

    /// Whether a waker ended it.
    // By switch: `==` of an enum with raw values is a generic call.
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

/// What a strand waits for, for people who look: `Queue.get`, and which queue.
public struct WaitTarget: Sendable {
    /// The type and verb, such as `Queue.get`.
    public let verb: StaticString
    /// The object waited on, if there is one.
    public let object: ObjectIdentifier?
    /// Whether it waits in a loop, which alone can wake it.
    @usableFromInline package let isOfLoop: Bool

    @inlinable
    public init(_ verb: StaticString, _ object: AnyObject? = nil) {
        self.init(verb, object, isOfLoop: false)
    }

    /// For what a loop watches.
    @inlinable
    package init(_ verb: StaticString, _ object: AnyObject?, isOfLoop: Bool) {
        self.verb = verb
        self.object = object.map { ObjectIdentifier($0) }
        self.isOfLoop = isOfLoop
    }
}

/// One wait of one strand, from before it is queued until it has ended: the memory behind
/// ``Waiter``.
@unsafe
public struct WaiterNode: ~Copyable {
    /// For deadlines that a timer wheel keeps. Used only by the wheel's thread, or under its lock.
    /// The first field: its address is the node's.
    @usableFromInline var timer = unsafe TimerNode()
    /// A ``WaitOutcome``. One compare-and-swap from `.pending` settles the wait, once; who made it
    /// unparks the strand, exactly once.
    @usableFromInline let outcome = Atomic<UInt32>(0)
    /// Whether a ``WaitQueue`` links this node. Guarded, as the links are, by that queue's lock.
    @usableFromInline var isQueued = false
    /// Whether it is the primary of a group, whose members are linked in its place.
    @usableFromInline var hasMembers = false
    /// Set by who unparks a task that spins: see TaskSpinning.swift.
    @usableFromInline let isReleased = Atomic<Bool>(false)
    @usableFromInline var next: UnsafeMutablePointer<WaiterNode>?
    @usableFromInline var previous: UnsafeMutablePointer<WaiterNode>?
    /// In a member of a group, the node that the strand waits with, which alone is settled; nil in
    /// all others. See WaiterGroup.swift.
    @usableFromInline var primary: UnsafeMutablePointer<WaiterNode>?
    /// In a primary, the member that it was settled through. Written by who settled it, before
    /// unparking; read by the strand after.
    @usableFromInline var winner: UnsafeMutablePointer<WaiterNode>?
    /// Outlives the wait: the strand cannot end before it is unparked. Nil in a member of a group,
    /// whose primary has it.
    @usableFromInline let parker: Unmanaged<Parker>?
    /// Where the waker leaves an item, or finds one. Owned by the waiting frame.
    @usableFromInline var slot: UnsafeMutableRawPointer?
    /// Set by the strand before or while it is queued: nanoseconds of CLOCK_MONOTONIC. Atomic,
    /// since whoever lists waits reads it at any time.
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
/// Wakers reach a waiter only while it is in a queue, under that queue's lock. They settle it there
/// and, after unlocking, unpark it if settling succeeded: the strand does not go on before that, so
/// the memory lives long enough. A strand whose wait ends otherwise withdraws it from the queue,
/// under the same lock, before its memory goes.
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

    /// How the wait ended, `.pending` while it has not.
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

    /// Lets the strand go on. Exactly once, by who settled the wait, and under no lock.
    @inlinable
    public func unpark() {
        let owner = unsafe Waiter(node.pointee.primary ?? node)
        let parker = unsafe owner.node.pointee.parker.unsafelyUnwrapped
        unsafe parker._withUnsafeGuaranteedRef { $0.unpark(owner) }
    }

    /// Where an item is left or found; nil for waits that pass none.
    @inlinable public var slot: UnsafeMutableRawPointer? { unsafe node.pointee.slot }

    /// When the wait began, nanoseconds of CLOCK_MONOTONIC. A fiber's is as old as its hub's last
    /// look at the clock.
    @inlinable public var since: UInt64 {
        get { unsafe node.pointee.since.load(ordering: .relaxed) }
        nonmutating set { unsafe node.pointee.since.store(newValue, ordering: .relaxed) }
    }

    /// Whether a waker may find it in the queue of a primitive. Only reads: by who knows that
    /// nobody else runs.
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

    /// Lets the wait's owner go on. Called from any thread, once for every settled wait; the object
    /// may be gone as soon as the owner can run.
    open func unpark(_ waiter: Waiter) {
        preconditionFailure("Parker is abstract")
    }
}
