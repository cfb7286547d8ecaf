@testable import PlaitParking
import Testing

struct AgedWaiterListTests {
    let fakes = (0..<4).map { _ in FakeWaiter() }

    private func claimAll(_ queue: inout WaitQueue) -> [Int] {
        var numbers: [Int] = []
        while let waiter = queue.claimFirst() {
            numbers += fakes.indices.filter { fakes[$0].waiter == waiter }
        }
        return numbers
    }

    /// Every order in which waiters of these ages can come.
    @Test(arguments: [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]])
    func `who has waited longer is before who came later`(_ order: [Int]) {
        var queue = WaitQueue()
        for number in order { queue.insert(fakes[number].waiter, since: UInt64(number)) }
        for number in order { #expect(fakes[number].waiter.since == UInt64(number)) }
        #expect(claimAll(&queue) == [0, 1, 2, 3])
    }

    @Test func `of the same age the first is first`() {
        var queue = WaitQueue()
        for fake in fakes { queue.insert(fake.waiter, since: 7) }
        #expect(claimAll(&queue) == [0, 1, 2, 3])
    }

    @Test func `one that leaves and comes back has its place`() {
        var queue = WaitQueue()
        for number in 0..<3 { queue.insert(fakes[number].waiter, since: UInt64(number)) }
        queue.remove(fakes[1].waiter)
        queue.insert(fakes[3].waiter, since: 9)
        queue.insert(fakes[1].waiter, since: 1)
        #expect(claimAll(&queue) == [0, 1, 2, 3])
        #expect(queue.isEmpty)
    }

    @Test func `one whose wait has ended is not queued`() {
        var queue = WaitQueue()
        #expect(fakes[0].waiter.settle(.cancelled))
        queue.insert(fakes[0].waiter, since: 0)
        #expect(queue.isEmpty)
    }
}
