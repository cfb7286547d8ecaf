@testable import PlaitParking
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct WaiterGroupTests {
    /// Two members that lead to a primary.
    @safe
    private final class Group {
        let primary = FakeWaiter()
        /// Owned: freed in deinit.
        private let nodes: UnsafeMutablePointer<WaiterNode>

        init() {
            unsafe nodes = .allocate(capacity: 2)
            for index in 0..<2 {
                unsafe (nodes + index).initialize(to: WaiterNode(ofGroup: ()))
                self[index].join(primary.waiter)
            }
        }

        deinit {
            unsafe nodes.deinitialize(count: 2)
            unsafe nodes.deallocate()
        }

        subscript(index: Int) -> Waiter { unsafe Waiter(member: nodes + index) }
    }

    @Test(arguments: 0..<2)
    func `a group is settled once, through any member, and notes which`(_ index: Int) {
        let group = Group()
        #expect(group[0].outcome == .pending && group.primary.waiter.winner == nil)
        #expect(group[index].settle(.woken))
        #expect(!group[1 - index].settle(.woken))
        #expect(!group.primary.waiter.settle(.timedOut))
        #expect(group.primary.waiter.winner == group[index])
        for waiter in [group[0], group[1], group.primary.waiter] {
            #expect(waiter.outcome == .woken)
        }
    }

    @Test func `a group whose wait ended otherwise has no winner`() {
        let group = Group()
        #expect(group.primary.waiter.settle(.cancelled))
        #expect(!group[0].settle(.woken))
        #expect(group[1].outcome == .cancelled)
        #expect(group.primary.waiter.winner == nil)
    }

    @Test func `unparking a member unparks the primary`() {
        let group = Group()
        #expect(group[1].settle(.woken))
        group[1].unpark()
        #expect(group.primary.unparks == 1)
    }

    @Test func `a queue passes over a member whose group was settled elsewhere`() {
        let (group, next) = (Group(), FakeWaiter())
        var (here, elsewhere) = (WaitQueue(), WaitQueue())
        here.append(group[0])
        here.append(next.waiter)
        elsewhere.append(group[1])
        #expect(elsewhere.claimFirst() == group[1])
        #expect(here.claimFirst() == next.waiter)
        // The owner finds nothing to withdraw.
        #expect(here.remove(group[0]) == false)
        #expect(elsewhere.remove(group[1]) == false)
    }

    @Test func `a member of a settled group is not linked`() {
        let group = Group()
        #expect(group.primary.waiter.settle(.cancelled))
        var queue = WaitQueue()
        queue.append(group[0])
        #expect(queue.isEmpty)
    }

    @Test func `a member has the slot that it was given`() {
        let group = Group()
        var place = 0
        unsafe withUnsafeMutablePointer(to: &place) { pointer in
            unsafe group[0].setSlot(UnsafeMutableRawPointer(pointer))
            let isSame = unsafe group[0].slot == UnsafeMutableRawPointer(pointer)
            #expect(isSame)
        }
        let hasSlot = unsafe group[1].slot != nil
        #expect(!hasSlot)
    }
}
