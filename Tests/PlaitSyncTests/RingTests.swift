import PlaitParking
import PlaitStrands
@testable import PlaitSync
import Testing
import TestSupport

/// A ring that is freed with the test.
@safe
private final class OwnedRing<Element>: @unchecked Sendable {
    // Sendable: what is not atomic is guarded by the slots' stamps.
    let ring: Ring<Element>
    init(limit: Int, slotLimit: Int = 1_024) {
        ring = Ring(limit: limit, slotLimit: slotLimit)
    }
    deinit { ring.deallocate() }

    func push(_ item: Element) -> Bool {
        guard let position = ring.beginPush() else { return false }
        unsafe ring.slot(position).pointee.item = item
        ring.endPush(position)
        return true
    }

    func pop() -> Element? {
        guard let position = ring.beginPop() else { return nil }
        defer { ring.endPop(position) }
        return unsafe ring.slot(position).pointee.item.take()
    }
}

@Suite(.timeLimit(.hang))
struct RingTests {
    @Test(arguments: [1, 2, 3, 5, 8, 1_000])
    func `it holds as many as its limit, in order, round after round`(_ limit: Int) {
        let owned = OwnedRing<Int>(limit: limit)
        #expect(owned.ring.slotCount >= limit && owned.ring.slotCount < max(2 * limit, 3))
        var (pushed, popped) = (0, 0)
        for round in 0..<50 {
            while owned.push(pushed) { pushed += 1 }
            #expect(owned.ring.count == limit && owned.ring.looksFull)
            for _ in 0..<(round % limit + 1) {
                #expect(owned.pop() == popped)
                popped += 1
            }
            #expect(owned.ring.count == pushed - popped && owned.ring.looksReady(at: .tail))
        }
        while owned.ring.looksReady(at: .head) {
            #expect(owned.pop() == popped)
            popped += 1
        }
        #expect(popped == pushed && owned.ring.looksEmpty && owned.pop() == nil)
        #expect(owned.ring.freePushes == pushed)
    }

    @Test func `patience grows while more gathers, and shrinks while it does not`() {
        let owned = OwnedRing<Int>(limit: 100)
        for item in 0..<10 { #expect(owned.push(item)) }
        for _ in 0..<10 { owned.ring.letMoreCome(at: .head) }
        #expect(owned.ring.popPatience == 64)
        for _ in 0..<9 { _ = owned.pop() }
        for _ in 0..<10 { owned.ring.letMoreCome(at: .head) }
        #expect(owned.ring.popPatience == 2)
        for item in 0..<50 { #expect(owned.push(item)) }
        for _ in 0..<3 { owned.ring.letMoreCome(at: .tail) }
        #expect(owned.ring.pushPatience == 16)
        while owned.push(0) {}
        owned.ring.letMoreCome(at: .tail)
        #expect(owned.ring.pushPatience == 8)
    }

    @Test func `a small ring has none`() {
        let owned = OwnedRing<Int>(limit: 32)
        while owned.push(0) {}
        owned.ring.letMoreCome(at: .head)
        #expect(owned.ring.popPatience == 2)
    }

    @Test func `it makes memory for no more than the slot limit`() {
        let owned = OwnedRing<Int>(limit: .max, slotLimit: 8)
        #expect(owned.ring.slotCount == 8 && owned.ring.limit == 8)
        #expect(owned.ring.capacity == .max)
        for item in 0..<8 { #expect(owned.push(item)) }
        #expect(!owned.push(8) && !owned.ring.looksFull)
        owned.ring.capacity = 3
        #expect(owned.ring.limit == 3 && owned.ring.looksFull)
    }

    @Test func `a smaller limit refuses until enough are gone`() {
        let owned = OwnedRing<Int>(limit: 4)
        for item in 0..<4 { #expect(owned.push(item)) }
        owned.ring.capacity = 2
        for item in 0..<2 {
            #expect(!owned.push(9))
            #expect(owned.pop() == item)
        }
        #expect(!owned.push(9))
        #expect(owned.pop() == 2)
        #expect(owned.push(4))
        #expect(!owned.push(9))
        owned.ring.capacity = 4
        #expect(owned.push(5))
        #expect([owned.pop(), owned.pop(), owned.pop(), owned.pop()] == [3, 4, 5, nil])
    }

    @Test func `while an end is diverted nothing begins there`() {
        let owned = OwnedRing<Int>(limit: 4)
        #expect(owned.push(1))
        owned.ring.divertTail()
        #expect(!owned.push(2))
        #expect(owned.pop() == 1)
        owned.ring.pushDiverted(3)
        #expect(owned.ring.count == 1 && owned.ring.freePushes == 1)
        owned.ring.divertHead()
        #expect(owned.pop() == nil)
        #expect(owned.ring.peekDiverted() == 3)
        #expect(owned.ring.popDiverted() == 3)
        #expect(owned.ring.isHeadDiverted && owned.ring.isTailDiverted)
        owned.ring.restore()
        #expect(!owned.ring.isHeadDiverted && !owned.ring.isTailDiverted)
        #expect(owned.push(4))
        #expect(owned.pop() == 4)
    }

    @Test func `a push that was under way before diverting goes on, and counts`() {
        let owned = OwnedRing<Int>(limit: 4)
        let first = owned.ring.beginPush()
        #expect(first == 0)
        #expect(owned.push(2))
        owned.ring.divertTail()
        owned.ring.divertHead()
        #expect(owned.ring.count == 2)
        unsafe owned.ring.slot(0).pointee.item = 1
        owned.ring.endPush(0)
        #expect(owned.ring.popDiverted() == 1)
        #expect(owned.ring.popDiverted() == 2)
    }

    @Test func `a pop finds nothing while the oldest push is under way`() {
        let owned = OwnedRing<Int>(limit: 4)
        #expect(owned.ring.beginPush() == 0)
        #expect(owned.push(2))
        #expect(owned.pop() == nil)
        #expect(!owned.ring.looksEmpty && !owned.ring.looksReady(at: .head))
        unsafe owned.ring.slot(0).pointee.item = 1
        owned.ring.endPush(0)
        #expect(owned.pop() == 1)
        #expect(owned.pop() == 2)
    }

    @Test func `a push finds no place while a pop is leaving it`() {
        let owned = OwnedRing<Int>(limit: 2)
        #expect(owned.push(1) && owned.push(2))
        #expect(owned.ring.beginPop() == 0)
        #expect(owned.ring.count == 1 && !owned.push(3))
        unsafe owned.ring.slot(0).pointee.item = nil
        owned.ring.endPop(0)
        #expect(owned.push(3))
        #expect(owned.pop() == 2)
        #expect(owned.pop() == 3)
    }

    @Test func `a diverted pop waits for the push under way`() async throws {
        let owned = OwnedRing<Int>(limit: 2)
        #expect(owned.ring.beginPush() == 0)
        owned.ring.divertTail()
        let popping = WaiterKind.thread.start(
            {
                owned.ring.divertHead()
                return owned.ring.popDiverted()
            }, task: { 0 })
        try await until { owned.ring.isHeadDiverted }
        unsafe owned.ring.slot(0).pointee.item = 7
        owned.ring.endPush(0)
        #expect(try await popping.value() == 7)
    }

    @Test func `a diverted push waits for the pop under way`() async throws {
        let owned = OwnedRing<Int>(limit: 2)
        #expect(owned.push(1) && owned.push(2))
        #expect(owned.ring.beginPop() == 0)
        let pushing = WaiterKind.thread.start(
            {
                owned.ring.divertTail()
                owned.ring.pushDiverted(3)
            }, task: {})
        try await until { owned.ring.isTailDiverted }
        #expect(unsafe owned.ring.slot(0).pointee.item.take() == 1)
        owned.ring.endPop(0)
        try await pushing.value()
        #expect(owned.pop() == 2)
        owned.ring.restore()
        #expect(owned.pop() == 3)
    }

    @Test func `items of every size and kind go through`() {
        struct Large: Equatable {
            var (first, second, third, fourth) = (1, 2.0, "three", [4])
            var (fifth, sixth, seventh) = (5, 6, 7)
        }
        let nothings = OwnedRing<Void>(limit: 2)
        #expect(nothings.push(()) && nothings.push(()) && !nothings.push(()))
        #expect(nothings.pop() != nil && nothings.pop() != nil && nothings.pop() == nil)
        let large = OwnedRing<Large>(limit: 2)
        #expect(large.push(Large()) && large.pop() == Large())
        let any = OwnedRing<any Sendable>(limit: 3)
        #expect(any.push(1) && any.push("two") && any.push(Large()))
        #expect(any.pop() as? Int == 1)
        #expect(any.pop() as? String == "two")
        #expect(any.pop() as? Large == Large())
        let optionals = OwnedRing<Int?>(limit: 2)
        #expect(optionals.push(nil) && optionals.push(1))
        #expect(optionals.pop() == .some(nil))
        #expect(optionals.pop() == 1)
    }

    @Test func `each item ends once, in the ring or out of it`() {
        final class Item: Sendable {
            let ended: Box<Int>
            init(_ ended: Box<Int>) { self.ended = ended }
            deinit { ended.update { $0 += 1 } }
        }
        let ended = Box(0)
        do {
            let owned = OwnedRing<Item>(limit: 4)
            for _ in 0..<10 {
                #expect(owned.push(Item(ended)))
                #expect(owned.push(Item(ended)))
                _ = owned.pop()
                _ = owned.pop()
            }
            #expect(ended.value == 20)
            for _ in 0..<3 { #expect(owned.push(Item(ended))) }
            owned.ring.divertTail()
            owned.ring.pushDiverted(Item(ended))
            owned.ring.divertHead()
            _ = owned.ring.popDiverted()
            #expect(ended.value == 21)
        }
        #expect(ended.value == 24)
    }

    @Test func `threads that push and pop at once pass each item once`() async throws {
        let owned = OwnedRing<Int>(limit: 5)
        let (perThread, sums) = (20_000, Box<[Int]>([]))
        let pushers = (0..<2).map { _ in
            WaiterKind.thread.start(
                {
                    for item in 1...perThread {
                        while !owned.push(item) { Strand.yield() }
                    }
                }, task: {})
        }
        let poppers = (0..<2).map { _ in
            WaiterKind.thread.start(
                {
                    var (sum, last) = (0, 0)
                    for _ in 0..<perThread {
                        while true {
                            if let item = owned.pop() {
                                sum += item
                                last = item
                                break
                            }
                            Strand.yield()
                        }
                    }
                    #expect(last > 0)
                    sums.update { [sum] in $0.append(sum) }
                }, task: {})
        }
        for strand in pushers + poppers { try await strand.value() }
        #expect(sums.value.reduce(0, +) == perThread * (perThread + 1))
        #expect(owned.ring.count == 0)
    }
}
