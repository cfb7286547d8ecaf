public import PlaitPlatform
public import Synchronization

/// A bounded first-in, first-out ring that many threads put into and take from at once, without a
/// lock and with one atomic exchange an item: Vyukov's queue, with one bit more.
///
/// Each slot has a stamp. A pusher takes position `p` by moving `tail` past it when the slot's
/// stamp is `p`, leaves the item and stamps it `p + 1`; a popper takes it then by moving `head`,
/// and stamps the slot for its next round. Both ends carry a *divert* bit. While it is set no
/// operation begins without the queue's lock: since it is in the very word that an operation
/// exchanges, one that looked before fails. If the bit came and went and the end is where it was,
/// the operation goes on, and may: the stamp it saw is still there. That is what lets a queue with
/// waiters, an overflow or a shut down be exact, and one without be fast.
///
/// Its memory belongs to the queue that made it, which frees it.
@safe
@usableFromInline
struct Ring<Element> {
    @usableFromInline let ends: UnsafeMutablePointer<RingEnds>
    @usableFromInline let slots: UnsafeMutablePointer<RingSlot<Element>>
    @usableFromInline let mask: UInt

    /// - Parameter limit: Items after which ``beginPush()`` refuses; memory is made for no more
    ///   than `slotLimit` of them.
    @inlinable
    init(limit: Int, slotLimit: Int) {
        var count = 2
        while count < min(limit, slotLimit) { count *= 2 }
        mask = UInt(count - 1)
        unsafe ends = .allocate(capacity: 1)
        unsafe ends.initialize(to: RingEnds())
        unsafe slots = .allocate(capacity: count)
        for index in 0..<count {
            unsafe (slots + index).initialize(to: RingSlot(stamp: UInt(index)))
        }
        capacity = limit
    }

    /// By the owner, when nobody uses it any more.
    @inlinable
    func deallocate() {
        unsafe slots.deinitialize(count: slotCount)
        unsafe slots.deallocate()
        unsafe ends.deinitialize(count: 1)
        unsafe ends.deallocate()
    }

    @inlinable var slotCount: Int { Int(mask) + 1 }

    /// Items after which its queue is full. ``beginPush()`` refuses then, or when no slot is free.
    @inlinable var capacity: Int {
        get { unsafe Int(ends.pointee.capacity.load(ordering: .relaxed)) }
        nonmutating set {
            let capacity = UInt(max(newValue, 0))
            unsafe ends.pointee.capacity.store(capacity, ordering: .relaxed)
            unsafe ends.pointee.limit.store(min(capacity, mask + 1), ordering: .relaxed)
        }
    }

    /// Items after which ``beginPush()`` refuses.
    @inlinable var limit: Int {
        unsafe Int(ends.pointee.limit.load(ordering: .relaxed))
    }

    /// Items in it; those that are under way in count, those under way out do not.
    @inlinable var count: Int {
        var head = unsafe ends.pointee.head.load(ordering: .acquiring) >> 1
        while true {
            let tail = unsafe ends.pointee.tail.load(ordering: .acquiring) >> 1
            // If `head` moved, others may have pushed and popped any number in between.
            let seen = unsafe ends.pointee.head.load(ordering: .acquiring) >> 1
            if seen == head { return Int(truncatingIfNeeded: tail &- head) }
            head = seen
        }
    }

    /// How many were ever pushed by ``beginPush()``. Under the queue's lock.
    @inlinable var freePushes: Int {
        let pushes = unsafe ends.pointee.tail.load(ordering: .relaxed) >> 1
        return unsafe Int(truncatingIfNeeded: pushes &- ends.pointee.divertedPushes)
    }

    @inlinable
    @inline(__always)
    func slot(_ position: UInt) -> UnsafeMutablePointer<RingSlot<Element>> {
        unsafe slots + Int(truncatingIfNeeded: position & mask)
    }

    // MARK: With others at the same time

    /// Takes a position for an item, which is to be stored there before ``endPush(_:)``. Nil when
    /// it is diverted or seems full: only under the lock can one be sure.
    @inlinable
    @inline(__always)
    func beginPush() -> UInt? {
        var tail = unsafe ends.pointee.tail.load(ordering: .relaxed)
        while tail & 1 == 0 {
            let position = tail >> 1
            guard hasRoom(at: position) else { return nil }
            // .acquiring pairs with the .releasing of endPop(): the slot's last item is gone.
            let stamp = unsafe slot(position).pointee.stamp.load(ordering: .acquiring)
            if stamp == position {
                let (done, seen) = unsafe ends.pointee.tail.weakCompareExchange(
                    expected: tail, desired: tail &+ 2, ordering: .relaxed)
                if done { return position }
                tail = seen
            } else if Int(bitPattern: stamp &- position) < 0 {
                // A popper is about to leave the slot.
                return nil
            } else {
                tail = unsafe ends.pointee.tail.load(ordering: .relaxed)
            }
        }
        return nil
    }

    /// Whether fewer than ``limit`` items lie before `position`. What pushers know of `head` is
    /// renewed only when it seems full, to leave its cache line to the poppers.
    @inlinable
    @inline(__always)
    func hasRoom(at position: UInt) -> Bool {
        let limit = unsafe ends.pointee.limit.load(ordering: .relaxed)
        if unsafe position &- ends.pointee.knownHead.load(ordering: .relaxed) < limit {
            return true
        }
        let head = unsafe ends.pointee.head.load(ordering: .acquiring) >> 1
        // Those who spin look again and again.
        if unsafe ends.pointee.knownHead.load(ordering: .relaxed) != head {
            unsafe ends.pointee.knownHead.store(head, ordering: .relaxed)
        }
        return position &- head < limit
    }

    /// Shows the item to poppers.
    @inlinable
    @inline(__always)
    func endPush(_ position: UInt) {
        // .releasing pairs with the .acquiring of beginPop(): the item is visible.
        unsafe slot(position).pointee.stamp.store(position &+ 1, ordering: .releasing)
    }

    /// Takes the oldest item's position; it is to be taken out before ``endPop(_:)``. Nil when it
    /// is diverted or seems empty.
    @inlinable
    @inline(__always)
    func beginPop() -> UInt? {
        var head = unsafe ends.pointee.head.load(ordering: .relaxed)
        while head & 1 == 0 {
            let position = head >> 1
            let stamp = unsafe slot(position).pointee.stamp.load(ordering: .acquiring)
            if stamp == position &+ 1 {
                let (done, seen) = unsafe ends.pointee.head.weakCompareExchange(
                    expected: head, desired: head &+ 2, ordering: .relaxed)
                if done { return position }
                head = seen
            } else if Int(bitPattern: stamp &- (position &+ 1)) < 0 {
                return nil
            } else {
                head = unsafe ends.pointee.head.load(ordering: .relaxed)
            }
        }
        return nil
    }

    /// Gives the slot to pushers of the next round.
    @inlinable
    @inline(__always)
    func endPop(_ position: UInt) {
        unsafe slot(position).pointee.stamp.store(position &+ mask &+ 1, ordering: .releasing)
    }

    /// Whether a push at the tail, or a pop at the head, is worth a try: for those who spin.
    @inlinable
    func looksReady(at end: RingEnd) -> Bool {
        switch end {
        case .tail: return hasRoom(at: unsafe ends.pointee.tail.load(ordering: .relaxed) >> 1)
        case .head:
            let head = unsafe ends.pointee.head.load(ordering: .relaxed)
            let stamp = unsafe slot(head >> 1).pointee.stamp.load(ordering: .relaxed)
            return stamp == (head >> 1) &+ 1
        }
    }

    /// Waits up to 64 pauses, about 2 µs, for more than one item at the head, or place at the tail.
    ///
    /// A getter that takes each item as soon as it is there fetches the cache lines from its
    /// partner's core for each: 40 ns. Who lets some gather fetches them once for all: 7 ns an
    /// item. The wait grows while more do come, and shrinks while they do not.
    @inlinable
    func letMoreCome(at end: RingEnd) {
        guard slotCount >= 64 else { return }
        let patience = end == .head ? popPatience : pushPatience
        for _ in 0..<patience { spinPause() }
        let ready = end == .head ? count : limit - count
        let next = ready >= 4 ? min(patience * 2, 64) : max(patience / 2, Self.leastPatience)
        if next == patience { return }
        switch end {
        case .head: unsafe ends.pointee.popPatience.store(UInt(next), ordering: .relaxed)
        case .tail: unsafe ends.pointee.pushPatience.store(UInt(next), ordering: .relaxed)
        }
    }

    /// Enough for a few items of a partner that is quick; else too short to matter.
    @inlinable static var leastPatience: Int { 2 }

    @inlinable var popPatience: Int {
        unsafe Int(ends.pointee.popPatience.load(ordering: .relaxed))
    }
    @inlinable var pushPatience: Int {
        unsafe Int(ends.pointee.pushPatience.load(ordering: .relaxed))
    }

    @inlinable var looksEmpty: Bool {
        let tail = unsafe ends.pointee.tail.load(ordering: .relaxed)
        return unsafe ends.pointee.head.load(ordering: .relaxed) >> 1 == tail >> 1
    }
    @inlinable var looksFull: Bool { count >= capacity }

    // MARK: Under the queue's lock

    @inlinable var isTailDiverted: Bool {
        unsafe ends.pointee.tail.load(ordering: .relaxed) & 1 != 0
    }
    @inlinable var isHeadDiverted: Bool {
        unsafe ends.pointee.head.load(ordering: .relaxed) & 1 != 0
    }

    /// Lets no push begin any more but ``pushDiverted(_:)``. Some may be under way still.
    @inlinable
    func divertTail() {
        // .acquiring pairs with the .releasing of the restoring below.
        if !isTailDiverted { unsafe ends.pointee.tail.bitwiseOr(1, ordering: .acquiring) }
    }

    /// Lets no pop begin any more but ``popDiverted()``.
    @inlinable
    func divertHead() {
        if !isHeadDiverted { unsafe ends.pointee.head.bitwiseOr(1, ordering: .acquiring) }
    }

    /// Ends ``divertTail()`` and ``divertHead()``.
    @inlinable
    func restore() {
        if isHeadDiverted { unsafe ends.pointee.head.bitwiseAnd(~1, ordering: .releasing) }
        if isTailDiverted { unsafe ends.pointee.tail.bitwiseAnd(~1, ordering: .releasing) }
    }

    /// Adds an item; there must be a slot for it, and the tail be diverted.
    @inlinable
    func pushDiverted(_ item: consuming Element) {
        let tail = unsafe ends.pointee.tail.load(ordering: .relaxed)
        let position = tail >> 1
        awaitStamp(position, at: position)
        unsafe slot(position).pointee.item = item
        unsafe ends.pointee.divertedPushes &+= 1
        unsafe ends.pointee.tail.store(tail &+ 2, ordering: .relaxed)
        // Last: `head` may not be diverted, and must not pass `tail`.
        endPush(position)
    }

    /// Takes the oldest item, of which there must be one; the head must be diverted.
    @inlinable
    func popDiverted() -> Element {
        let head = unsafe ends.pointee.head.load(ordering: .relaxed)
        let position = head >> 1
        awaitStamp(position &+ 1, at: position)
        let item = unsafe slot(position).pointee.item.take().unsafelyUnwrapped
        endPop(position)
        unsafe ends.pointee.head.store(head &+ 2, ordering: .relaxed)
        return item
    }

    /// The oldest item, of which there must be one; the head must be diverted.
    @inlinable
    func peekDiverted() -> Element {
        let position = unsafe ends.pointee.head.load(ordering: .relaxed) >> 1
        awaitStamp(position &+ 1, at: position)
        return unsafe slot(position).pointee.item.unsafelyUnwrapped
    }

    /// Waits for whoever took the position before the ring was diverted: it has a few instructions
    /// left, unless the kernel stopped its thread right there.
    @inlinable
    func awaitStamp(_ stamp: UInt, at position: UInt) {
        if unsafe slot(position).pointee.stamp.load(ordering: .acquiring) == stamp { return }
        spinUntil { unsafe slot(position).pointee.stamp.load(ordering: .acquiring) == stamp }
    }
}

/// Where items go in, and where they come out.
@usableFromInline
enum RingEnd { case tail, head }

/// The two ends, each on cache lines of its own: pushers and poppers do not share one.
@safe
@usableFromInline
struct RingEnds: ~Copyable {
    @usableFromInline typealias Padding = (
        UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt
    )

    /// Guarded by the queue's lock. The first field: the thread sanitizer takes its being written
    /// for an access to what lies at the same address as the whole.
    @usableFromInline var divertedPushes: UInt = 0
    /// Position times two, and the divert bit.
    @usableFromInline let tail = Atomic<UInt>(0)
    /// A position that `head` had: pushers' own.
    @usableFromInline let knownHead = Atomic<UInt>(0)
    /// Pauses of pushers that found it full; see `letMoreCome(at:)`.
    @usableFromInline let pushPatience = Atomic<UInt>(2)
    @usableFromInline let limit = Atomic<UInt>(0)
    @usableFromInline let capacity = Atomic<UInt>(0)
    @usableFromInline let padding: Padding = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    @usableFromInline let head = Atomic<UInt>(0)
    /// Pauses of poppers that found it empty.
    @usableFromInline let popPatience = Atomic<UInt>(2)
    @usableFromInline let paddingBehind: Padding = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    @inlinable
    init() {}
}

/// A place of a ``Ring``.
@usableFromInline
struct RingSlot<Element>: ~Copyable {
    /// Touched by who has taken the slot's position, until it stamps it. The first field, as above.
    @usableFromInline var item: Element?
    @usableFromInline let stamp: Atomic<UInt>

    @inlinable
    init(stamp: UInt) {
        item = nil
        self.stamp = Atomic(stamp)
    }
}
