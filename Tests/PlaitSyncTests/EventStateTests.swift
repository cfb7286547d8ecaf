import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

struct EventStateTests {
    private let outcomes = PlainOutcomes(count: 3)
    private func waiter(_ number: Int) -> PlainWaiter {
        PlainWaiter(number: number, outcomes: outcomes)
    }

    /// All who are woken by setting it.
    private func set(_ state: inout EventState<PlainQueue>) -> [Int] {
        var woken: [Int] = []
        while let waiter = state.set() { woken.append(waiter.number) }
        return woken
    }

    @Test func `setting wakes all who wait, oldest first`() {
        var state = EventState<PlainQueue>(isSet: false)
        for number in 0..<3 { #expect(state.isReady(orQueue: waiter(number)) == false) }
        #expect(set(&state) == [0, 1, 2])
        #expect(state.isSet)
        #expect(set(&state) == [])
    }

    @Test func `nobody waits for what is set`() {
        var state = EventState<PlainQueue>(isSet: true)
        #expect(state.isReady(orQueue: waiter(0)) == true)
        #expect(set(&state) == [])
    }

    @Test func `clearing makes later ones wait`() {
        var state = EventState<PlainQueue>(isSet: true)
        state.clear()
        #expect(!state.isSet)
        #expect(state.isReady(orQueue: waiter(0)) == false)
        #expect(set(&state) == [0])
    }

    // AS-120
    @Test func `set, cleared and set again, it wakes a waiter once and keeps none`() {
        var state = EventState<PlainQueue>(isSet: false)
        #expect(state.isReady(orQueue: waiter(0)) == false)
        #expect(set(&state) == [0])
        state.clear()
        #expect(set(&state) == [])
        #expect(state.isReady(orQueue: waiter(1)) == true)
    }

    @Test func `those who gave up are not woken`() {
        var state = EventState<PlainQueue>(isSet: false)
        for number in 0..<3 { _ = state.isReady(orQueue: waiter(number)) }
        outcomes.values[0] = .timedOut
        state.withdraw(waiter(1))
        #expect(set(&state) == [2])
    }
}
