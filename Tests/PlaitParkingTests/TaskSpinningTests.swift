@testable import PlaitParking
import PlaitPlatform
import PlaitStrands
import Testing
import TestSupport

@Suite(
    .timeLimit(.hang),
    .enabled(if: processorCount > 1, "nobody else could run while a task spins"))
struct TaskSpinningTests {
    private let gate = Gate()

    private func spin(_ history: SpinHistory) -> WaitOutcome? {
        unsafe Parking.spin(
            on: WaitTarget("Gate.wait", gate), slot: nil, history: history, enrol: gate.enrol,
            withdraw: gate.withdraw)
    }

    /// On a thread without a hub, as those of Swift's pool are.
    private func onPlainThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await spawn(.thread) { try body() }.join()
    }

    @Test func `it returns at once what needs no wait`() async throws {
        gate.open()
        let outcome = try await onPlainThread { spin(SpinHistory()) }
        #expect(outcome == .woken)
        #expect(gate.unused == 0)
    }

    @Test func `it is woken as any waiter, or gives up and leaves the queue`() async throws {
        let rounds = 2_000
        // Opens for each wait that it meets; the spinner waits anew where it gave up.
        let opener = spawn(.thread) {
            for _ in 0..<rounds { gate.open() }
        }
        let woken = try await onPlainThread {
            let history = SpinHistory()
            var woken = 0
            while woken < rounds {
                if let outcome = spin(history) {
                    #expect(outcome == .woken)
                    woken += 1
                }
            }
            return woken
        }
        try await opener.join()
        #expect(woken == rounds)
        #expect(!gate.hasWaiters)
        #expect(gate.unused == 0)
    }

    @Test func `where nobody comes it is not tried but once in a while`() async throws {
        let history = SpinHistory()
        try await onPlainThread {
            for _ in 0..<1_000 { #expect(spin(history) == nil) }
        }
        #expect(!gate.hasWaiters)
        // Eight at first, then one of 64.
        #expect((8...32).contains(gate.enrolled))
    }

    @Test func `a spin that pays is tried again`() async throws {
        let history = SpinHistory()
        try await onPlainThread {
            for _ in 0..<100 { _ = spin(history) }
            while !history.isPromising() {}
            for _ in 0..<100 {
                gate.open()
                #expect(spin(history) == .woken)
                history.note(true)
            }
            #expect(history.isPromising())
        }
    }

    @Test func `not on a hub's thread`() async {
        await SharedHubs.first.answer {
            #expect(!SpinHistory().isPromising())
        }
    }
}
