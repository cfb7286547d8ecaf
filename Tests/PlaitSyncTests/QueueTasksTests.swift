import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct QueueTasksTests {
    @Test func `items that went by the ring, past it and behind it all count`() async throws {
        let queue = Queue<Int>([1, 2], capacity: 3_000)
        #expect(queue.unfinishedCount == 2)
        // By the ring.
        for item in 0..<1_000 { #expect(try queue.tryPut(item)) }
        #expect(queue.unfinishedCount == 1_002)
        // Behind it.
        for item in 0..<1_000 { #expect(try queue.tryPut(item)) }
        #expect(queue.unfinishedCount == 2_002)
        while try queue.tryGet() != nil {}
        // Past it.
        let getting = WaiterKind.thread.start({ try queue.get() }, task: { 0 })
        try await getting.untilParked()
        #expect(try queue.tryPut(9))
        #expect(try await getting.value() == 9)
        #expect(queue.unfinishedCount == 2_003)
        // From a putter that waited.
        queue.capacity = 1
        #expect(try queue.tryPut(1))
        let putting = WaiterKind.fiber.start({ try queue.put(2) }, task: {})
        try await putting.untilParked()
        #expect(queue.unfinishedCount == 2_004)
        #expect(try queue.tryGet() == 1)
        try await putting.value()
        #expect(queue.unfinishedCount == 2_005)
        for left in (0..<2_005).reversed() {
            queue.taskDone()
            #expect(queue.unfinishedCount == left)
        }
    }

    @Test func `an item whose push is under way keeps join waiting`() async throws {
        let queue = Queue<Int>(capacity: 2)
        let ring = try #require(queue.ring)
        let position = try #require(ring.beginPush())
        #expect(try await !queue.join(within: .zero))
        unsafe ring.slot(position).pointee.item = 1
        ring.endPush(position)
        #expect(try queue.tryGet() == 1)
        #expect(try await !queue.join(within: .zero))
        queue.taskDone()
        #expect(try await queue.join(within: .zero))
    }

    @Test func `what was dropped beyond the ring is done too`() async throws {
        let queue = Queue<Int>(Array(0..<2_000), capacity: 3_000)
        for item in 0..<500 { #expect(try queue.tryPut(item)) }
        #expect(try queue.tryGet() == 0)
        queue.shutDown(immediately: true)
        #expect(queue.unfinishedCount == 1)
        queue.taskDone()
        try await queue.join()
    }

    @Test func `a joiner leaves the ring to serve alone`() async throws {
        let queue = Queue<Int>([1], capacity: 2)
        let joining = WaiterKind.thread.start({ try queue.join() }, task: { true })
        try await joining.untilParked()
        let ring = try #require(queue.ring)
        #expect(!ring.isTailDiverted && !ring.isHeadDiverted)
        #expect(try queue.tryPut(2))
        queue.taskDone()
        #expect(queue.unfinishedCount == 1)
        queue.taskDone()
        #expect(try await joining.value())
    }

    @Test(arguments: WaiterKind.allCases)
    func `a joiner that timed out is off the list`(_ kind: WaiterKind) async throws {
        let queue = Queue<Int>([1], capacity: 2)
        let joining = kind.start(
            { try queue.join(within: .milliseconds(1)) },
            task: { try await queue.join(within: .milliseconds(1)) })
        #expect(try await !joining.value())
        #expect(queue.withState { $0.joiners.isEmpty })
    }
}
