package import PlaitPlatform

/// A place in a ``TimerWheel``. Its memory belongs to whoever set the timer, and must live as long
/// as the timer is set.
@unsafe
public struct TimerNode {
    @usableFromInline var next: UnsafeMutablePointer<TimerNode>?
    @usableFromInline var previous: UnsafeMutablePointer<TimerNode>?
    @usableFromInline var deadline: UInt64 = 0
    /// The level and slot, or one of the two marks below.
    @usableFromInline var place: UInt16 = unsafe TimerNode.idle
    /// Called with `context` when the deadline has passed.
    @usableFromInline var action: (@convention(c) (UnsafeMutableRawPointer) -> Void)?
    @usableFromInline var context: UnsafeMutableRawPointer?

    @usableFromInline static var idle: UInt16 { 0xFFFF }
    @usableFromInline static var due: UInt16 { 0xFFFE }

    /// A timer that is not set.
    package static var unset: TimerNode { unsafe TimerNode() }

    @inlinable
    init() {
        unsafe next = nil
        unsafe previous = nil
        unsafe action = nil
        unsafe context = nil
    }
}

/// A handle on a ``TimerNode``.
@safe
package struct Timer {
    fileprivate let node: UnsafeMutablePointer<TimerNode>

    package init(_ node: UnsafeMutablePointer<TimerNode>) { unsafe self.node = unsafe node }

    /// Sets what happens at the deadline.
    package func prepare(
        context: UnsafeMutableRawPointer,
        action: @escaping @convention(c) (UnsafeMutableRawPointer) -> Void
    ) {
        unsafe node.pointee.context = unsafe context
        unsafe node.pointee.action = unsafe action
    }

    package var isSet: Bool { unsafe node.pointee.place != TimerNode.idle }

    /// The context given to ``prepare(context:action:)``. Valid only for a prepared timer.
    package var context: UnsafeMutableRawPointer {
        guard let context = unsafe node.pointee.context else {
            preconditionFailure("timer was not prepared")
        }
        return unsafe context
    }

    package func fire() {
        if let action = unsafe node.pointee.action, let context = unsafe node.pointee.context {
            unsafe action(context)
        }
    }
}

/// Pending timers, by deadline: a hierarchical timing wheel (Varghese and Lauck, 1987).
///
/// Setting and cancelling are O(1): a million live timers cost no more than ten. There are six
/// levels of 256 slots, and a tick is 65.5 µs. No timer fires early, and the wheel delays none by
/// more than a tick. Timers due in one tick fire in the order of their deadlines, and equal
/// deadlines in the order in which they were set.
///
/// The wheel has no lock: one thread uses it, or its owner's lock guards it.
@safe
package struct TimerWheel: ~Copyable {
    package static let tickBits: UInt64 = 16
    private static let slotBits: UInt64 = 8
    private static let slots = 256
    private static let levels = 6
    /// Farther deadlines wait in the last slot; the wheel places them again from there.
    private static let horizon: UInt64 = 1 << (slotBits * UInt64(levels)) - 1

    @unsafe
    private struct List {
        var head: UnsafeMutablePointer<TimerNode>?
        var tail: UnsafeMutablePointer<TimerNode>?
    }

    /// The wheel's own memory, freed in deinit: one list for each slot, and one bit for each slot
    /// that tells whether its list has timers.
    private let lists: UnsafeMutablePointer<List>
    private let occupied: UnsafeMutablePointer<UInt64>
    /// Timers that were taken out of their slots and fire next.
    private var due = unsafe List()
    /// The wheel has taken out all ticks up to this one.
    private var now: UInt64
    package private(set) var count = 0

    /// - Parameter time: The present, in nanoseconds.
    package init(time: UInt64) {
        let slots = TimerWheel.slots * TimerWheel.levels
        unsafe lists = .allocate(capacity: slots)
        unsafe lists.initialize(repeating: List(), count: slots)
        unsafe occupied = .allocate(capacity: slots / 64)
        unsafe occupied.initialize(repeating: 0, count: slots / 64)
        now = time >> TimerWheel.tickBits
    }

    deinit {
        unsafe lists.deallocate()
        unsafe occupied.deallocate()
    }

    /// Sets a timer that is not set.
    package mutating func set(_ timer: Timer, at deadline: Deadline) {
        let node = unsafe timer.node
        unsafe node.pointee.deadline = deadline.nanoseconds
        count += 1
        unsafe place(node)
    }

    /// Takes a timer out, if it is set: it will not fire.
    package mutating func cancel(_ timer: Timer) {
        let node = unsafe timer.node
        let place = unsafe node.pointee.place
        guard unsafe place != TimerNode.idle else { return }
        count -= 1
        unsafe node.pointee.place = TimerNode.idle
        if unsafe place == TimerNode.due {
            unsafe TimerWheel.unlink(node, from: &due)
            return
        }
        unsafe TimerWheel.unlink(node, from: &lists[Int(place)])
        if unsafe lists[Int(place)].head == nil { mark(Int(place), false) }
    }

    /// Takes out all timers that are due at `time`; ``popDue()`` returns them.
    package mutating func advance(to time: UInt64) {
        let target = time >> TimerWheel.tickBits
        while let (place, tick) = nextSlot(), tick <= target {
            now = max(now, tick)
            let list = unsafe lists[place]
            unsafe lists[place] = List()
            mark(place, false)
            if place < TimerWheel.slots {
                unsafe appendDue(list)
            } else {
                // The timers of a higher level's slot spread over the levels below.
                var next = unsafe list.head
                while let node = unsafe next {
                    unsafe next = node.pointee.next
                    unsafe self.place(node)
                }
            }
        }
        now = max(now, target)
    }

    /// The next timer to fire; it is no longer set.
    package mutating func popDue() -> Timer? {
        guard let node = unsafe due.head else { return nil }
        unsafe TimerWheel.unlink(node, from: &due)
        unsafe node.pointee.place = TimerNode.idle
        count -= 1
        return unsafe Timer(node)
    }

    /// When to call ``advance(to:)`` next. Never later than the earliest deadline's tick, but
    /// earlier if the timers of a slot have to be spread first.
    package var nextWakeup: Deadline {
        if unsafe due.head != nil { return .immediate }
        guard let (_, tick) = nextSlot() else { return .never }
        return Deadline(nanoseconds: tick << TimerWheel.tickBits)
    }

    // MARK: Placing

    private mutating func place(_ node: UnsafeMutablePointer<TimerNode>) {
        let round: UInt64 = (1 << TimerWheel.tickBits) - 1
        let deadline = unsafe node.pointee.deadline
        let wanted = (deadline >> TimerWheel.tickBits) + (deadline & round == 0 ? 0 : 1)
        // A timer that is due already goes into the present slot, where the next advance finds it.
        let tick = min(max(wanted, now), now | TimerWheel.horizon)
        let distance = (tick ^ now) | UInt64(TimerWheel.slots - 1)
        let level = (63 - UInt64(distance.leadingZeroBitCount)) / TimerWheel.slotBits
        let slot = (tick >> (level * TimerWheel.slotBits)) & UInt64(TimerWheel.slots - 1)
        let place = Int(level) * TimerWheel.slots + Int(slot)
        unsafe node.pointee.place = UInt16(place)
        if unsafe lists[place].head == nil { mark(place, true) }
        unsafe TimerWheel.append(node, to: &lists[place])
    }

    /// The first occupied slot, in the order of time, and the tick at which it begins.
    private func nextSlot() -> (place: Int, tick: UInt64)? {
        for level in 0..<TimerWheel.levels {
            let shift = UInt64(level) * TimerWheel.slotBits
            // Only later slots of the level's present round are ever occupied.
            let present = Int((now >> shift) & UInt64(TimerWheel.slots - 1))
            guard let slot = firstOccupied(level: level, from: present) else { continue }
            let round = (now >> (shift + TimerWheel.slotBits)) << (shift + TimerWheel.slotBits)
            return (level * TimerWheel.slots + slot, round + UInt64(slot) << shift)
        }
        return nil
    }

    private func firstOccupied(level: Int, from slot: Int) -> Int? {
        let base = level * TimerWheel.slots / 64
        var word = slot / 64
        var bits = unsafe occupied[base + word] & (~0 << UInt64(slot % 64))
        while bits == 0 {
            word += 1
            guard word < TimerWheel.slots / 64 else { return nil }
            bits = unsafe occupied[base + word]
        }
        return word * 64 + bits.trailingZeroBitCount
    }

    private func mark(_ place: Int, _ isOccupied: Bool) {
        let bit: UInt64 = 1 << UInt64(place % 64)
        if isOccupied {
            unsafe occupied[place / 64] |= bit
        } else {
            unsafe occupied[place / 64] &= ~bit
        }
    }

    // MARK: Lists

    private static func append(_ node: UnsafeMutablePointer<TimerNode>, to list: inout List) {
        unsafe node.pointee.next = nil
        unsafe node.pointee.previous = list.tail
        if let tail = unsafe list.tail {
            unsafe tail.pointee.next = node
        } else {
            unsafe list.head = unsafe node
        }
        unsafe list.tail = unsafe node
    }

    private static func unlink(_ node: UnsafeMutablePointer<TimerNode>, from list: inout List) {
        if let previous = unsafe node.pointee.previous {
            unsafe previous.pointee.next = node.pointee.next
        } else {
            unsafe list.head = node.pointee.next
        }
        if let next = unsafe node.pointee.next {
            unsafe next.pointee.previous = node.pointee.previous
        } else {
            unsafe list.tail = node.pointee.previous
        }
    }

    private mutating func appendDue(_ list: List) {
        var next = unsafe TimerWheel.sorted(list.head)
        while let node = unsafe next {
            unsafe next = node.pointee.next
            unsafe node.pointee.place = TimerNode.due
            unsafe TimerWheel.append(node, to: &due)
        }
    }

    /// A stable merge sort by deadline, through the `next` links.
    private static func sorted(
        _ head: UnsafeMutablePointer<TimerNode>?
    ) -> UnsafeMutablePointer<TimerNode>? {
        guard let first = unsafe head, unsafe first.pointee.next != nil else { return unsafe head }
        var middle = unsafe first
        var end = unsafe first.pointee.next
        var isSorted = unsafe first.pointee.deadline <= first.pointee.next!.pointee.deadline
        while let node = unsafe end, let next = unsafe node.pointee.next {
            unsafe isSorted = isSorted && node.pointee.deadline <= next.pointee.deadline
            unsafe middle = middle.pointee.next!
            if let after = unsafe next.pointee.next {
                unsafe isSorted = isSorted && next.pointee.deadline <= after.pointee.deadline
            }
            unsafe end = next.pointee.next
        }
        if isSorted { return unsafe head }
        let back = unsafe middle.pointee.next
        unsafe middle.pointee.next = nil
        return unsafe merge(sorted(first), sorted(back))
    }

    private static func merge(
        _ one: UnsafeMutablePointer<TimerNode>?, _ two: UnsafeMutablePointer<TimerNode>?
    ) -> UnsafeMutablePointer<TimerNode>? {
        var one = unsafe one
        var two = unsafe two
        var head: UnsafeMutablePointer<TimerNode>?
        var tail: UnsafeMutablePointer<TimerNode>?
        func take(_ node: UnsafeMutablePointer<TimerNode>) {
            if let last = unsafe tail {
                unsafe last.pointee.next = node
            } else {
                unsafe head = unsafe node
            }
            unsafe tail = unsafe node
        }
        while let first = unsafe one, let second = unsafe two {
            if unsafe first.pointee.deadline <= second.pointee.deadline {
                unsafe one = first.pointee.next
                unsafe take(first)
            } else {
                unsafe two = second.pointee.next
                unsafe take(second)
            }
        }
        if let rest = unsafe one ?? two {
            if let last = unsafe tail {
                unsafe last.pointee.next = rest
            } else {
                unsafe head = unsafe rest
            }
        }
        return unsafe head
    }
}
