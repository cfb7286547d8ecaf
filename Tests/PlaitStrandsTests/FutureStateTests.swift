import PlaitParking
@testable import PlaitStrands
import Testing
import TestSupport

struct FutureStateTests {
    private let outcomes = PlainOutcomes(count: 4)
    private func waiter(_ number: Int) -> PlainWaiter {
        PlainWaiter(number: number, outcomes: outcomes)
    }

    private func woken(_ state: inout FutureState<PlainQueue>) -> [Int] {
        var woken: [Int] = []
        while let waiter = state.claim() { woken.append(waiter.number) }
        return woken
    }

    @Test func `it begins once, and is finished once`() {
        var state = FutureState<PlainQueue>()
        #expect(state.begin() == true)
        #expect(state.begin() == false)
        #expect(state.cancel() == false)
        #expect(state.finish() == true)
        #expect(state.finish() == false)
        #expect(state.begin() == false)
        #expect(state.phase == .finished)
    }

    @Test func `what is cancelled neither begins nor is finished`() {
        var state = FutureState<PlainQueue>()
        #expect(state.cancel() == true)
        #expect(state.cancel() == false)
        #expect(state.begin() == false)
        #expect(state.finish() == false)
        #expect(state.phase == .cancelled)
    }

    @Test func `the beginning wakes those who wait for it, the end the others`() {
        var state = FutureState<PlainQueue>()
        let isDone = [0, 1].map { state.isDone(orQueue: waiter($0)) }
        #expect(isDone == [false, false])
        #expect(state.hasBegun(orQueue: waiter(2)) == false)
        #expect(woken(&state) == [])
        #expect(state.begin() == true)
        #expect(woken(&state) == [2])
        #expect(state.hasBegun(orQueue: waiter(3)) == true)
        #expect(state.finish() == true)
        #expect(woken(&state) == [0, 1])
        #expect(state.isDone(orQueue: waiter(3)) == true)
    }

    @Test func `cancelling wakes all`() {
        var state = FutureState<PlainQueue>()
        #expect(state.isDone(orQueue: waiter(0)) == false)
        #expect(state.hasBegun(orQueue: waiter(1)) == false)
        #expect(state.cancel() == true)
        #expect(woken(&state).sorted() == [0, 1])
    }

    @Test func `who gave up is not woken`() {
        var state = FutureState<PlainQueue>()
        for number in 0..<2 { #expect(state.isDone(orQueue: waiter(number)) == false) }
        for number in 2..<4 { #expect(state.hasBegun(orQueue: waiter(number)) == false) }
        outcomes.values[0] = .timedOut
        state.withdraw(waiter(1))
        outcomes.values[2] = .cancelled
        state.withdrawStarter(waiter(3))
        #expect(state.finish() == true)
        #expect(woken(&state) == [])
    }
}
