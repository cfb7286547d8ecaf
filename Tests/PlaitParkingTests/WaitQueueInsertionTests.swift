@testable import PlaitParking
import Testing

struct WaitQueueInsertionTests {
    let fakes = (0..<4).map { number in
        let fake = FakeWaiter()
        fake.waiter.since = UInt64(number)
        return fake
    }

    private func insert(_ number: Int, into queue: inout WaitQueue) {
        let since = fakes[number].waiter.since
        queue.insert(fakes[number].waiter) { $0.since > since }
    }

    @Test(arguments: [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [3, 0, 1, 2]])
    func `waiters inserted by age are claimed by age, whoever came first`(_ order: [Int]) {
        var queue = WaitQueue()
        for number in order { insert(number, into: &queue) }
        for fake in fakes { #expect(queue.claimFirst() == fake.waiter) }
        #expect(queue.isEmpty)
    }

    @Test func `a waiter inserted between others can be withdrawn, and so can they`() {
        var queue = WaitQueue()
        for number in [0, 2, 3, 1] { insert(number, into: &queue) }
        for number in [1, 0, 3] {
            let wasThere = queue.remove(fakes[number].waiter)
            #expect(wasThere)
        }
        #expect(queue.claimFirst() == fakes[2].waiter)
        #expect(queue.isEmpty)
    }

    @Test func `a waiter that was settled before is not inserted`() {
        var queue = WaitQueue()
        insert(1, into: &queue)
        let ended = FakeWaiter(.cancelled)
        queue.insert(ended.waiter) { _ in true }
        let wasThere = queue.remove(ended.waiter)
        #expect(!wasThere)
        #expect(queue.first == fakes[1].waiter)
    }
}
