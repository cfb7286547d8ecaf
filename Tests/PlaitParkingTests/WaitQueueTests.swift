@testable import PlaitParking
import Testing

struct WaitQueueTests {
    let fakes = (0..<4).map { _ in FakeWaiter() }

    private func filled() -> WaitQueue {
        var queue = WaitQueue()
        for fake in fakes { queue.append(fake.waiter) }
        return queue
    }

    @Test func `an empty queue has nobody to claim`() {
        var queue = WaitQueue()
        #expect(queue.isEmpty)
        #expect(queue.first == nil)
        #expect(queue.claimFirst() == nil)
        queue.claimAll().unparkAll()
    }

    @Test func `waiters are claimed in the order in which they came`() {
        var queue = filled()
        for fake in fakes {
            #expect(queue.first == fake.waiter)
            #expect(queue.claimFirst() == fake.waiter)
            #expect(fake.waiter.outcome == .woken)
        }
        #expect(queue.isEmpty)
        #expect(queue.claimFirst() == nil)
    }

    @Test func `a waiter that is prepended comes first`() {
        var queue = WaitQueue()
        queue.prepend(fakes[1].waiter)
        queue.append(fakes[2].waiter)
        queue.prepend(fakes[0].waiter)
        for fake in fakes[0...2] { #expect(queue.claimFirst() == fake.waiter) }
        #expect(queue.isEmpty)
    }

    @Test func `claiming skips those whose wait has ended`() {
        var queue = filled()
        #expect(fakes[0].waiter.settle(.timedOut))
        #expect(fakes[1].waiter.settle(.cancelled))
        #expect(queue.claimFirst() == fakes[2].waiter)
        #expect(fakes[0].waiter.outcome == .timedOut)
        #expect(fakes[1].waiter.outcome == .cancelled)
        // The skipped are out of the queue: their owners find nothing to withdraw.
        #expect(queue.remove(fakes[0].waiter) == false)
        #expect(queue.remove(fakes[1].waiter) == false)
        #expect(queue.claimFirst() == fakes[3].waiter)
    }

    @Test func `nobody is claimed when all waits have ended`() {
        var queue = filled()
        for fake in fakes { _ = fake.waiter.settle(.timedOut) }
        #expect(!queue.isEmpty)
        #expect(queue.claimFirst() == nil)
        #expect(queue.isEmpty)
    }

    @Test func `a claim can grant`() {
        var queue = filled()
        #expect(queue.claimFirst(as: .granted) == fakes[0].waiter)
        #expect(fakes[0].waiter.outcome == .granted)
        #expect(fakes[0].waiter.outcome.isWoken)
    }

    @Test(arguments: 0..<4)
    func `a waiter is removed from any place, once`(_ index: Int) {
        var queue = filled()
        #expect(queue.remove(fakes[index].waiter) == true)
        #expect(queue.remove(fakes[index].waiter) == false)
        for (place, fake) in fakes.enumerated() where place != index {
            #expect(queue.claimFirst() == fake.waiter)
        }
        #expect(queue.isEmpty)
    }

    @Test func `removing all leaves an empty queue that works again`() {
        var queue = filled()
        for fake in fakes.reversed() { #expect(queue.remove(fake.waiter) == true) }
        #expect(queue.isEmpty)
        queue.append(fakes[1].waiter)
        #expect(queue.first == fakes[1].waiter)
        #expect(queue.claimFirst() == fakes[1].waiter)
    }

    @Test(arguments: [WaitOutcome.woken, .timedOut, .cancelled, .granted])
    func `a wait that has ended is not linked`(_ outcome: WaitOutcome) {
        let ended = FakeWaiter(outcome)
        var queue = WaitQueue()
        queue.append(ended.waiter)
        #expect(queue.isEmpty)
        queue.prepend(ended.waiter)
        #expect(queue.isEmpty)
        #expect(queue.remove(ended.waiter) == false)
    }

    @Test func `a claimed waiter is not there to be removed`() {
        var queue = filled()
        _ = queue.claimFirst()
        #expect(queue.remove(fakes[0].waiter) == false)
        #expect(queue.first == fakes[1].waiter)
    }

    @Test func `claiming all takes every open wait, and unparks each once`() {
        var queue = filled()
        _ = fakes[2].waiter.settle(.cancelled)
        let claimed = queue.claimAll()
        #expect(queue.isEmpty)
        #expect(fakes.map(\.unparks) == [0, 0, 0, 0])
        claimed.unparkAll()
        #expect(fakes.map(\.unparks) == [1, 1, 0, 1])
        #expect(fakes.map(\.waiter.outcome) == [.woken, .woken, .cancelled, .woken])
    }
}
