/// How puts and gets share a ``Ring`` and its queue's lock, an atomic access a step: in the order
/// in which `Ring.swift` and `QueueWaiting.swift` make them. Two slots; the overflow is left out.
struct RingModel: Hashable {
    enum Role: Hashable, Sendable { case put, get, getOrGiveUp, putOrGiveUp }

    /// Mistakes that an exploration must find: they show that it would.
    enum Fault: CaseIterable, Sendable {
        case looksBeforeDiverting, restoresBesideWaiters, doesNotAwaitPublishing, ignoresDivertBit
        case doesNotTakeIn
    }

    enum Step: Hashable {
        // Without the lock.
        case loadEnd, checkRoom, loadStamp, exchange, moveItem, publish
        // With it.
        case lock, divertTail, readHead, readHeadAgain, divertHead, decide
        case awaitPush, storeTail, publishPush, awaitPop, publishPop, storeHead, takeIn
        case restoreHead, restoreTail, unlock
        case wait, withdraw, end
    }

    struct Strand: Hashable {
        let role: Role
        var step = Step.loadEnd
        /// The end as it was loaded, or the head.
        var seen = 0
        /// A putter's item until it is taken, a getter's once it has one.
        var item: Int?
        /// The putter whose item is pushed: itself, or one that waited.
        var pushing = 0
        var gaveUp = false
        /// What it does once it has unlocked.
        var after = Step.end
        var isPutter: Bool { role == .put || role == .putOrGiveUp }
        var mayGiveUp: Bool { role == .getOrGiveUp || role == .putOrGiveUp }
    }

    static let slots = 2
    let capacity: Int
    /// Items that were there from the start: 100 and so on.
    let filled: Int
    let fault: Fault?
    /// Positions times two, and the divert bits.
    var (tail, head) = (0, 0)
    var stamps = Array(0..<slots)
    var items = [Int?](repeating: nil, count: slots)
    var holder: Int?
    var (getters, putters) = ([Int](), [Int]())
    var strands: [Strand]
    /// What went wrong.
    var complaint: String?

    init(_ roles: [Role], capacity: Int, filled: Int, fault: Fault?) {
        self.capacity = capacity
        self.filled = filled
        self.fault = fault
        strands = roles.enumerated().map { number, role in
            Strand(role: role, item: role == .put || role == .putOrGiveUp ? number : nil)
        }
        for position in 0..<filled {
            items[position] = 100 + position
            stamps[position] = position + 1
        }
        tail = filled * 2
    }

    /// Whether the strand can make a step.
    func canStep(_ number: Int) -> Bool {
        let strand = strands[number]
        switch strand.step {
        case .lock, .withdraw: return holder == nil
        case .awaitPush: return stamp(tail >> 1) == tail >> 1
        case .awaitPop:
            return fault == .doesNotAwaitPublishing || stamp(head >> 1) == head >> 1 + 1
        case .wait: return strand.mayGiveUp
        case .end: return false
        default: return true
        }
    }

    func stamp(_ position: Int) -> Int { stamps[position % RingModel.slots] }

    mutating func step(_ number: Int) {
        let isPutter = strands[number].isPutter
        let seen = strands[number].seen
        let position = seen >> 1
        switch strands[number].step {
        case .loadEnd:
            let end = isPutter ? tail : head
            strands[number].seen = end
            let isDiverted = fault != .ignoresDivertBit && end & 1 != 0
            go(number, isDiverted ? .lock : isPutter ? .checkRoom : .loadStamp)
        case .checkRoom:
            // As unsigned: a head that has passed the position looks full.
            let room = position - head >> 1
            go(number, room >= 0 && room < capacity ? .loadStamp : .lock)
        case .loadStamp:
            let wanted = isPutter ? position : position + 1
            let found = stamp(position)
            go(number, found == wanted ? .exchange : found < wanted ? .lock : .loadEnd)
        case .exchange:
            let end = isPutter ? tail : head
            if end == seen || fault == .ignoresDivertBit && end >> 1 == position {
                if isPutter { tail = end + 2 } else { head = end + 2 }
                go(number, .moveItem)
            } else {
                go(number, .loadEnd)
            }
        case .moveItem:
            if isPutter { leave(number, at: position) } else { take(number, at: position) }
            go(number, .publish)
        case .publish:
            stamps[position % RingModel.slots] =
                isPutter ? position + 1 : position + RingModel.slots
            go(number, .end)
        case .wait:
            strands[number].gaveUp = true
            go(number, .withdraw)
        case .withdraw:
            holder = number
            getters.removeAll { $0 == number }
            putters.removeAll { $0 == number }
            finish(number, then: .end)
        case .end: break
        default: stepLocked(number)
        }
    }

    private mutating func stepLocked(_ number: Int) {
        let isPutter = strands[number].isPutter
        switch strands[number].step {
        case .lock:
            holder = number
            go(number, fault == .looksBeforeDiverting ? .readHead : .divertTail)
        case .divertTail:
            tail |= 1
            go(number, fault == .looksBeforeDiverting ? .decide : .readHead)
        case .readHead:
            strands[number].seen = head
            go(number, .readHeadAgain)
        case .readHeadAgain:
            guard strands[number].seen >> 1 == head >> 1 else {
                strands[number].seen = head
                return
            }
            let count = tail >> 1 - head >> 1
            if fault == .looksBeforeDiverting {
                // Remembers how it looked.
                strands[number].pushing = count
                go(number, .divertTail)
            } else {
                go(number, (isPutter ? count >= capacity : count > 0) ? .divertHead : .decide)
            }
        case .divertHead:
            head |= 1
            go(number, .decide)
        case .decide:
            let looked = fault == .looksBeforeDiverting
            let count = looked ? strands[number].pushing : tail >> 1 - head >> 1
            if isPutter { decidePut(number, count) } else { decideGet(number, count) }
        case .awaitPush:
            leave(strands[number].pushing, at: tail >> 1)
            go(number, .storeTail)
        case .storeTail:
            tail += 2
            go(number, .publishPush)
        case .publishPush:
            let position = tail >> 1 - 1
            stamps[position % RingModel.slots] = position + 1
            let putter = strands[number].pushing
            if putter != number { go(putter, .end) }
            finish(number, then: .end)
        case .awaitPop:
            take(number, at: head >> 1)
            go(number, .publishPop)
        case .publishPop:
            let position = head >> 1
            stamps[position % RingModel.slots] = position + RingModel.slots
            go(number, .storeHead)
        case .storeHead:
            head += 2
            go(number, .takeIn)
        case .takeIn:
            let putter = tail >> 1 - head >> 1 < capacity ? claim(\.putters) : nil
            if let putter, fault != .doesNotTakeIn {
                strands[number].pushing = putter
                go(number, .awaitPush)
            } else {
                finish(number, then: .end)
            }
        case .restoreHead:
            head &= ~1
            go(number, .restoreTail)
        case .restoreTail:
            tail &= ~1
            go(number, .unlock)
        case .unlock:
            holder = nil
            go(number, strands[number].after)
        default: complaint = "\(strands[number].step) is not under the lock"
        }
    }

    private mutating func decidePut(_ number: Int, _ count: Int) {
        if let getter = claim(\.getters) {
            if tail >> 1 != head >> 1 { complaint = "an item was handed over past others" }
            strands[getter].item = strands[number].item
            strands[number].item = nil
            strands[number].after = .end
            go(getter, .end)
            // It stays diverted.
            go(number, .unlock)
        } else if count >= capacity {
            putters.append(number)
            finish(number, then: .wait)
        } else {
            strands[number].pushing = number
            go(number, .awaitPush)
        }
    }

    private mutating func decideGet(_ number: Int, _ count: Int) {
        if count == 0 {
            getters.append(number)
            finish(number, then: .wait)
        } else {
            go(number, .awaitPop)
        }
    }

    private mutating func go(_ number: Int, _ step: Step) { strands[number].step = step }

    /// Unlocks, restoring the ends if nobody waits.
    private mutating func finish(_ number: Int, then after: Step) {
        strands[number].after = after
        let mayRestore = getters.isEmpty && putters.isEmpty || fault == .restoresBesideWaiters
        go(number, mayRestore && tail & 1 != 0 ? .restoreHead : .unlock)
    }

    /// The oldest waiter that has not given up.
    private mutating func claim(_ list: WritableKeyPath<RingModel, [Int]>) -> Int? {
        while !self[keyPath: list].isEmpty {
            let waiter = self[keyPath: list].removeFirst()
            if !strands[waiter].gaveUp { return waiter }
        }
        return nil
    }

    private mutating func leave(_ number: Int, at position: Int) {
        let slot = position % RingModel.slots
        if items[slot] != nil { complaint = "an item was overwritten" }
        items[slot] = strands[number].item
        strands[number].item = nil
    }

    private mutating func take(_ number: Int, at position: Int) {
        let slot = position % RingModel.slots
        if items[slot] == nil { complaint = "there was no item" }
        strands[number].item = items[slot]
        items[slot] = nil
    }
}
