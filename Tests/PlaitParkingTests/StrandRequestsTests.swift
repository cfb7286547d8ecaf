@testable import PlaitParking
import TestSupport
import Testing

/// Every order of waits, their ends and the requests that come meanwhile.
struct StrandRequestsTests {
    private enum Step: CaseIterable {
        case begin, beginUncancellable, wake, end, abandon
        case cancel, interrupt, interruptForNobody, retract
    }

    /// What the strand must see: each request ends one wait that can be ended, and none twice.
    private struct Expected {
        /// Requests that have ended no wait yet. Cancellations are one, however many came.
        var isCancelled = false
        var interrupts = 0
        /// The request that ended the present wait.
        var ending = Step.wake
        var canEnd = false

        /// Whether a cancellable wait is refused, which uses up a request.
        mutating func refuses() -> Bool {
            if isCancelled {
                isCancelled = false
                return true
            }
            if interrupts == 0 { return false }
            interrupts -= 1
            return true
        }
    }

    private struct World {
        var requests = StrandRequests()
        var expected = Expected()
        var wait: FakeWaiter?

        /// Whether the step is possible now.
        mutating func take(_ step: Step) -> Bool {
            switch step {
            case .begin, .beginUncancellable:
                guard wait == nil else { return false }
                let next = FakeWaiter()
                let isCancellable = step == .begin
                let isRefused = isCancellable && expected.refuses()
                let hasBegun = requests.begin(next.waiter, isCancellable: isCancellable)
                #expect(hasBegun == !isRefused)
                if isRefused { return true }
                wait = next
                expected.canEnd = isCancellable
                expected.ending = .wake
            case .wake:
                guard let wait, wait.waiter.settle(.woken) else { return false }
                expected.canEnd = false
            case .end:
                guard let wait, wait.waiter.outcome != .pending else { return false }
                requests.end()
                self.wait = nil
            case .abandon:
                guard let wait else { return false }
                let isEnded = wait.waiter.outcome == .cancelled
                let isPassedOn = requests.abandon(wait.waiter)
                #expect(isPassedOn == isEnded)
                if isEnded && expected.ending == .cancel { expected.isCancelled = true }
                if isEnded && expected.ending == .interrupt { expected.interrupts += 1 }
                self.wait = nil
            case .cancel:
                check(requests.cancel(), step)
            case .interrupt:
                check(requests.interrupt { true }, step)
            case .interruptForNobody:
                let ended = requests.interrupt { false }
                #expect(ended == nil)
            case .retract:
                requests.retractInterrupts()
            }
            #expect(requests.waiting == wait?.waiter)
            return true
        }

        private mutating func check(_ ended: Waiter?, _ step: Step) {
            if let wait, expected.canEnd {
                #expect(ended == wait.waiter && wait.waiter.outcome == .cancelled)
                expected.canEnd = false
                expected.ending = step
            } else {
                #expect(ended == nil)
                if step == .cancel { expected.isCancelled = true } else { expected.interrupts += 1 }
            }
        }
    }

    @Test func `each request ends one wait that can be ended, in every order`() {
        let steps = Step.allCases
        let length = 5
        var paths = 0
        for path in 0..<Int(pow(steps.count, length)) {
            var world = World()
            var rest = path
            var isPossible = true
            for _ in 0..<length where isPossible {
                isPossible = world.take(steps[rest % steps.count])
                rest /= steps.count
            }
            guard isPossible else { continue }
            paths += 1
            // What is owed yet, ends the next waits, and nothing else does.
            if world.wait != nil { _ = world.take(.abandon) }
            let owed = (world.expected.isCancelled ? 1 : 0) + world.expected.interrupts
            for _ in 0...owed { _ = world.take(.begin) }
            #expect(world.wait != nil)
        }
        #expect(paths > 1_000)
    }

    @Test func `an interrupt that nobody wants any more ends nothing`() {
        var requests = StrandRequests()
        let isWanted = Box(true)
        _ = requests.interrupt { isWanted.value }
        isWanted.set(false)
        let wait = FakeWaiter()
        let hasBegun = requests.begin(wait.waiter, isCancellable: true)
        #expect(hasBegun)
        #expect(wait.waiter.outcome == .pending)
    }

    @Test func `a forked copy forgets what was asked of the parent's strand`() {
        var requests = StrandRequests()
        _ = requests.cancel()
        _ = requests.interrupt { true }
        requests.forget()
        let wait = FakeWaiter()
        let hasBegun = requests.begin(wait.waiter, isCancellable: true)
        #expect(hasBegun)
    }

    private func pow(_ base: Int, _ exponent: Int) -> Int {
        (0..<exponent).reduce(1) { product, _ in product * base }
    }
}
