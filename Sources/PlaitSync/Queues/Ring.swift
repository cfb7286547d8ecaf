public import PlaitPlatform
public import Synchronization

/// A bounded first-in, first-out ring. Many threads put and take items at once, without a lock and
/// with one atomic exchange for each item. It is Vyukov's queue with one bit more.
///
/// Each slot has a stamp. A pusher takes position `p` by moving `tail` past it when the slot's
/// stamp is `p`, leaves the item and stamps it `p + 1`; a popper takes it then by moving `head`,
/// and stamps the slot for its next round. Both ends carry a *divert* bit. While it is set no
/// operation begins without the queue's lock: the bit is in the very word that an operation
/// exchanges, so an operation that read the word before fails. If the bit was set and cleared
/// meanwhile and the end has not moved, the operation goes on. That is correct, since the stamp
/// that it saw is still there. The bit makes a queue exact while it has waiters, an overflow or a
/// shut-down, and leaves it fast otherwise.
///
/// The queue that made the ring owns its memory and frees it.
@safe
@usableFromInline
struct Ring<Element> {
    @usableFromInline let ends: UnsafeMutablePointer<RingEnds>
    @usableFromInline let slots: UnsafeMutablePointer<RingSlot<Element>>
    @usableFromInline let mask: UInt

    /// - Parameter limit: How many items ``beginPush()`` accepts. The ring allocates at most
    ///   `slotLimit` slots.
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

    /// Frees the ring. The owner calls it when nobody uses the ring any more.
    @inlinable
    func deallocate() {
        unsafe slots.deinitialize(count: slotCount)
        unsafe slots.deallocate()
        unsafe ends.deinitialize(count: 1)
        unsafe ends.deallocate()
    }

    @inlinable var slotCount: Int { Int(mask) + 1 }

    /// How many items its queue holds at most. ``beginPush()`` refuses then, or when no slot is
    /// free.
    @inlinable var capacity: Int {
        get { unsafe Int(ends.pointee.capacity.load(ordering: .relaxed)) }
        nonmutating set {
            let capacity = UInt(max(newValue, 0))
            unsafe ends.pointee.capacity.store(capacity, ordering: .relaxed)
            unsafe ends.pointee.limit.store(min(capacity, mask + 1), ordering: .relaxed)
        }
    }

    /// How many items ``beginPush()`` accepts.
    @inlinable var limit: Int {
        unsafe Int(ends.pointee.limit.load(ordering: .relaxed))
    }

    /// How many items it holds. Items on their way in count; items on their way out do not.
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

    /// How many items ``beginPush()`` has ever let in. Called under the queue's lock.
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

    /// Takes a position for an item. The caller stores the item there and calls ``endPush(_:)``.
    /// Nil when the tail is diverted or the ring seems full; only under the lock is that certain.
    @inlinable
    @inline(__always)
    func beginPush() -> UInt? {
        var tail = unsafe ends.pointee.tail.load(ordering: .relaxed)
        while tail & 1 == 0 {
            let position = tail >> 1
            guard hasRoom(at: position) else { return nil }
            // .acquiring pairs with the .releasing of endPop(): the slot's last item has been
            // taken.
            let stamp = unsafe slot(position).pointee.stamp.load(ordering: .acquiring)
            if stamp == position {
                let (done, seen) = unsafe ends.pointee.tail.weakCompareExchange(
                    expected: tail, desired: tail &+ 2, ordering: .relaxed)
                if done { return position }
                tail = seen
            } else if Int(bitPattern: stamp &- position) < 0 {
                // A popper has not left the slot yet.
                return nil
            } else {
                tail = unsafe ends.pointee.tail.load(ordering: .relaxed)
            }
        }
        return nil
    }

    /// Whether fewer than ``limit`` items lie before `position`. Pushers read `head` again only
    /// when the ring seems full, to leave its cache line to the poppers.
    @inlinable
    @inline(__always)
    func hasRoom(at position: UInt) -> Bool {
        let limit = unsafe ends.pointee.limit.load(ordering: .relaxed)
        if unsafe position &- ends.pointee.knownHead.load(ordering: .relaxed) < limit {
            return true
        }
        let head = unsafe ends.pointee.head.load(ordering: .acquiring) >> 1
        // Spinning pushers come here again and again, so do not write the same value twice.
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

    /// Takes the oldest item's position. The caller takes the item out and calls ``endPop(_:)``.
    /// Nil when the head is diverted or the ring seems empty.
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

    /// Gives the slot to the pushers of the next round.
    @inlinable
    @inline(__always)
    func endPop(_ position: UInt) {
        unsafe slot(position).pointee.stamp.store(position &+ mask &+ 1, ordering: .releasing)
    }

    /// Tells a spinning strand whether a push at the tail, or a pop at the head, is worth a try.
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

    /// Waits up to 64 pauses, about 2 µs, for more than one item at the head, or more than one
    /// free slot at the tail.
    ///
    /// A getter that takes each item as soon as it comes fetches the cache lines from its partner's
    /// core for each item, which takes 40 ns. A getter that lets some items gather fetches the
    /// lines once for all of them, 7 ns for each item. The wait grows while more items come, and
    /// shrinks while they do not.
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

    /// Long enough for a few items of a quick partner, and otherwise too short to matter.
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

    /// Lets no push begin but ``pushDiverted(_:)``. Some pushes may still be under way.
    @inlinable
    func divertTail() {
        // .acquiring pairs with the .releasing of the restoring operations below.
        if !isTailDiverted { unsafe ends.pointee.tail.bitwiseOr(1, ordering: .acquiring) }
    }

    /// Lets no pop begin but ``popDiverted()``.
    @inlinable
    func divertHead() {
        if !isHeadDiverted { unsafe ends.pointee.head.bitwiseOr(1, ordering: .acquiring) }
    }

    /// Undoes ``divertTail()`` and ``divertHead()``.
    @inlinable
    func restore() {
        if isHeadDiverted { unsafe ends.pointee.head.bitwiseAnd(~1, ordering: .releasing) }
        if isTailDiverted { unsafe ends.pointee.tail.bitwiseAnd(~1, ordering: .releasing) }
    }

    /// Adds an item. There must be a free slot, and the tail must be diverted.
    @inlinable
    func pushDiverted(_ item: consuming Element) {
        let tail = unsafe ends.pointee.tail.load(ordering: .relaxed)
        let position = tail >> 1
        awaitStamp(position, at: position)
        unsafe slot(position).pointee.item = item
        unsafe ends.pointee.divertedPushes &+= 1
        unsafe ends.pointee.tail.store(tail &+ 2, ordering: .relaxed)
        // This comes last, since the head may be undiverted and must not pass the tail.
        endPush(position)
    }

    /// Takes the oldest item. There must be one, and the head must be diverted.
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

    /// The oldest item. There must be one, and the head must be diverted.
    @inlinable
    func peekDiverted() -> Element {
        let position = unsafe ends.pointee.head.load(ordering: .relaxed) >> 1
        awaitStamp(position &+ 1, at: position)
        return unsafe slot(position).pointee.item.unsafelyUnwrapped
    }

    /// Waits for the strand that took the position before the ring was diverted. It has only a few
    /// instructions left, unless the kernel has stopped its thread right there.
    @inlinable
    func awaitStamp(_ stamp: UInt, at position: UInt) {
        if unsafe slot(position).pointee.stamp.load(ordering: .acquiring) == stamp { return }
        spinUntil { unsafe slot(position).pointee.stamp.load(ordering: .acquiring) == stamp }
    }
}

/// Where items go in, and where they come out.
@usableFromInline
enum RingEnd { case tail, head }

/// The two ends. Each lies on cache lines of its own, so that pushers and poppers share none.
@safe
@usableFromInline
struct RingEnds: ~Copyable {
    @usableFromInline typealias Padding = (
        UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt
    )

    /// Guarded by the queue's lock. It must be the first field: the thread sanitizer takes a write
    /// to the first field for an access to the whole object.
    @usableFromInline var divertedPushes: UInt = 0
    /// Position times two, and the divert bit.
    @usableFromInline let tail = Atomic<UInt>(0)
    /// An earlier position of `head`. Only pushers use it.
    @usableFromInline let knownHead = Atomic<UInt>(0)
    /// How many pauses pushers make that found the ring full; see `letMoreCome(at:)`.
    @usableFromInline let pushPatience = Atomic<UInt>(2)
    @usableFromInline let limit = Atomic<UInt>(0)
    @usableFromInline let capacity = Atomic<UInt>(0)
    @usableFromInline let padding: Padding = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    @usableFromInline let head = Atomic<UInt>(0)
    /// How many pauses poppers make that found the ring empty.
    @usableFromInline let popPatience = Atomic<UInt>(2)
    @usableFromInline let paddingBehind: Padding = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    @inlinable
    init() {}
}

/// A slot of a ``Ring``.
@usableFromInline
struct RingSlot<Element>: ~Copyable {
    /// Only the strand that has taken the slot's position touches it, until it stamps the slot. It
    /// must be the first field, as above.
    @usableFromInline var item: Element?
    @usableFromInline let stamp: Atomic<UInt>

    @inlinable
    init(stamp: UInt) {
        item = nil
        self.stamp = Atomic(stamp)
    }
}
