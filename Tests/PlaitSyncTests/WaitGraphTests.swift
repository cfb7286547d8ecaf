@testable import PlaitSync
import Testing

struct WaitGraphTests {
    /// Lock numbers to their holders.
    private let holders = [1: [10], 2: [20], 3: [30], 4: [10, 20]]

    private func circle(_ waits: [(Int, Int)]) -> [Int]? {
        var graph = WaitGraph<Int, Int>()
        for (strand, lock) in waits { graph.begin(strand, on: lock) }
        return graph.circle(closedBy: waits[waits.count - 1].0) { holders[$1] ?? [] }
    }

    @Test func `two that wait for each other are a circle, from the one that closed it`() {
        #expect(circle([(10, 2), (20, 1)]) == [20, 10])
    }

    @Test func `three in a row are a circle`() {
        #expect(circle([(10, 2), (20, 3), (30, 1)]) == [30, 10, 20])
    }

    @Test func `one that waits for its own lock is a circle of one`() {
        #expect(circle([(10, 1)]) == [10])
    }

    @Test func `a chain that ends at a running strand is none`() {
        #expect(circle([(10, 2)]) == nil)
        #expect(circle([(20, 3), (10, 2)]) == nil)
    }

    @Test func `a lock nobody is known to hold ends the chain`() {
        #expect(circle([(10, 9)]) == nil)
    }

    @Test func `who waits for a circle that exists does not close one`() {
        #expect(circle([(10, 2), (20, 1), (30, 1)]) == nil)
    }

    @Test func `every holder of a shared lock is followed`() {
        #expect(circle([(20, 3), (30, 4)]) == [30, 20])
    }

    @Test func `a wait that has ended is not followed`() {
        var graph = WaitGraph<Int, Int>()
        graph.begin(10, on: 2)
        graph.begin(20, on: 1)
        graph.end(10)
        #expect(graph.circle(closedBy: 20) { holders[$1] ?? [] } == nil)
        #expect(graph.count == 1)
    }
}

struct OrderGraphTests {
    @Test func `one order is no inversion, however often it is taken`() {
        var graph = OrderGraph<Int>()
        #expect(graph.add(1, before: 2) == nil)
        #expect(graph.add(1, before: 2) == nil)
        #expect(graph.add(2, before: 3) == nil)
        #expect(graph.add(1, before: 3) == nil)
    }

    @Test func `the second order is told once, with the first`() {
        var graph = OrderGraph<Int>()
        _ = graph.add(1, before: 2)
        #expect(graph.add(2, before: 1) == [1, 2])
        #expect(graph.add(2, before: 1) == nil)
    }

    @Test func `an inversion by way of a third lock is found`() {
        var graph = OrderGraph<Int>()
        _ = graph.add(1, before: 2)
        _ = graph.add(2, before: 3)
        #expect(graph.add(3, before: 1) == [1, 2, 3])
    }

    @Test func `a lock that is gone leaves no order behind`() {
        var graph = OrderGraph<Int>()
        _ = graph.add(1, before: 2)
        _ = graph.add(2, before: 3)
        graph.remove(2)
        #expect(graph.add(3, before: 1) == nil)
    }

    @Test func `a lock taken twice is no order`() {
        var graph = OrderGraph<Int>()
        #expect(graph.add(1, before: 1) == nil)
    }
}
