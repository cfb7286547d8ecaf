import PlaitParking
import PlaitPlatform
import PlaitStrands
import Testing
import TestSupport

/// How a thread waits: asleep on a futex, or running its hub.
enum ThreadForm: CaseIterable, Sendable {
    case plain, withHub

    func run<Success: Sendable>(
        _ body: @escaping @Sendable () throws -> Success
    ) async throws -> Success {
        try await onThread {
            if self == .withHub { try Hub.make() }
            return try body()
        }
    }

    /// Runs `body` on a thread, and `meanwhile` with that thread's strand.
    func run<Success: Sendable>(
        _ body: @escaping @Sendable () throws -> Success,
        meanwhile: @escaping @Sendable (Strand) async throws -> Void
    ) async throws -> Success {
        let handle = spawn(.thread) {
            if self == .withHub { try Hub.make() }
            return try body()
        }
        try await meanwhile(handle.strand)
        return try await handle.join()
    }
}

@Suite(.timeLimit(.hang))
struct ThreadStrandTests {
    @Test(arguments: ThreadForm.allCases)
    func `a wake ends a wait`(_ form: ThreadForm) async throws {
        let gate = Gate()
        let outcome = try await form.run {
            gate.wait()
        } meanwhile: { _ in
            try await until { gate.hasWaiters }
            gate.open()
        }
        #expect(outcome == .woken)
        #expect(gate.unused == 0)
    }

    @Test(arguments: ThreadForm.allCases)
    func `a wait that turns out not to be needed does not stop`(_ form: ThreadForm) async throws {
        let gate = Gate()
        gate.open()
        #expect(try await form.run { gate.wait() } == .woken)
        #expect(gate.unused == 0)
    }

    @Test(arguments: ThreadForm.allCases)
    func `a granted wait says so`(_ form: ThreadForm) async throws {
        let gate = Gate()
        let outcome = try await form.run {
            gate.wait()
        } meanwhile: { _ in
            try await until { gate.hasWaiters }
            gate.open(as: .granted)
        }
        #expect(outcome == .granted)
    }

    @Test(arguments: ThreadForm.allCases)
    func `a deadline ends a wait, not before it has come, and withdraws it`(
        _ form: ThreadForm
    ) async throws {
        let gate = Gate()
        try await form.run {
            let deadline = Deadline(within: .milliseconds(5))
            #expect(gate.wait(until: deadline) == .timedOut)
            #expect(Deadline.now >= deadline)
        }
        #expect(!gate.hasWaiters)
    }

    @Test(arguments: ThreadForm.allCases)
    func `a deadline that has passed looks once`(_ form: ThreadForm) async throws {
        let gate = Gate()
        try await form.run {
            #expect(gate.wait(until: .immediate) == .timedOut)
            #expect(gate.wait(until: Deadline(nanoseconds: 1)) == .timedOut)
            gate.open()
            #expect(gate.wait(until: .immediate) == .woken)
        }
        #expect(gate.enrolled == 3)
        #expect(!gate.hasWaiters)
    }

    @Test(arguments: ThreadForm.allCases)
    func `a wake before the deadline leaves the next wait alone`(_ form: ThreadForm) async throws {
        let gate = Gate()
        try await form.run {
            #expect(gate.wait(until: Deadline(within: .seconds(3_600))) == .woken)
            #expect(gate.wait(until: Deadline(within: .microseconds(100))) == .timedOut)
        } meanwhile: { _ in
            try await until { gate.hasWaiters }
            gate.open()
        }
    }

    // MARK: Cancellation

    @Test(arguments: ThreadForm.allCases)
    func `a cancellation before a wait ends it before it is queued`(
        _ form: ThreadForm
    ) async throws {
        let gate = Gate()
        try await form.run {
            Strand.current.cancel()
            #expect(gate.wait() == .cancelled)
            #expect(gate.enrolled == 0)
        }
    }

    @Test(arguments: ThreadForm.allCases)
    func `a cancellation during a wait ends it and withdraws it`(_ form: ThreadForm) async throws {
        let gate = Gate()
        try await form.run {
            #expect(gate.wait() == .cancelled)
            #expect(!gate.hasWaiters)
            // One call, one error.
            #expect(gate.wait(until: .immediate) == .timedOut)
        } meanwhile: { strand in
            try await until { gate.hasWaiters }
            strand.cancel()
        }
    }

    @Test(arguments: ThreadForm.allCases)
    func `calls before the wait deliver one error between them`(_ form: ThreadForm) async throws {
        let gate = Gate()
        try await form.run {
            Strand.current.cancel()
            Strand.current.cancel()
            #expect(gate.wait() == .cancelled)
            #expect(gate.wait(until: .immediate) == .timedOut)
            Strand.current.cancel()
            #expect(gate.wait() == .cancelled)
        }
    }

    @Test(arguments: ThreadForm.allCases)
    func `an uncancellable wait goes on, and the next one is cancelled`(
        _ form: ThreadForm
    ) async throws {
        let gate = Gate()
        try await form.run {
            #expect(gate.wait(isCancellable: false) == .woken)
            #expect(gate.wait() == .cancelled)
        } meanwhile: { strand in
            try await until { gate.hasWaiters }
            strand.cancel()
            #expect(gate.hasWaiters)
            gate.open()
        }
    }

    @Test(arguments: ThreadForm.allCases)
    func `a cancellation that meets a wait that is not needed goes to the next`(
        _ form: ThreadForm
    ) async throws {
        let gate = Gate()
        try await form.run {
            let outcome = Parking.block(on: WaitTarget("Test.wait"), until: .never) { _ in
                Strand.current.cancel()
                return false
            } withdraw: { _ in
                Issue.record("withdrew a wait that was never queued")
            }
            #expect(outcome == .woken)
            #expect(gate.wait() == .cancelled)
            #expect(gate.wait(until: .immediate) == .timedOut)
        }
    }

    @Test(arguments: ThreadForm.allCases)
    func `a cancellation right before queueing is not missed`(_ form: ThreadForm) async throws {
        let gate = Gate()
        try await form.run {
            let outcome = Parking.block(
                on: WaitTarget("Test.wait"), until: .never,
                enrol: { waiter in
                    Strand.current.cancel()
                    return gate.enrol(waiter)
                }, withdraw: gate.withdraw)
            #expect(outcome == .cancelled)
            #expect(!gate.hasWaiters)
        }
    }

    @Test func `a strand remembers that it was cancelled`() async throws {
        try await onThread {
            #expect(!Strand.current.isCancelled)
            Strand.current.cancel()
            _ = Gate().wait()
            #expect(Strand.current.isCancelled)
        }
    }

    @Test func `a strand that has ended can be cancelled in vain`() async throws {
        let handle = spawn(.thread) { 7 }
        _ = try await handle.join()
        handle.cancel()
        #expect(try await handle.join() == 7)
    }

    // MARK: Interrupts of scopes

    @Test func `an interrupt ends a wait, or the next`() async throws {
        let gate = Gate()
        try await onThread {
            Strand.current.interrupt { true }
            #expect(gate.wait() == .cancelled)
            #expect(gate.wait(until: .immediate) == .timedOut)
            #expect(!Strand.current.isCancelled)
        }
    }

    @Test func `an interrupt that was taken back, or is not wanted, does nothing`() async throws {
        let gate = Gate()
        try await onThread {
            Strand.current.interrupt { false }
            #expect(gate.wait(until: .immediate) == .timedOut)
            let isWanted = Box(true)
            Strand.current.interrupt { isWanted.value }
            isWanted.set(false)
            Strand.current.retractInterrupts()
            isWanted.set(true)
            #expect(gate.wait(until: .immediate) == .timedOut)
        }
    }

    @Test func `an interrupt that meets a wait that is not needed can be taken back`() async throws
    {
        let gate = Gate()
        try await onThread {
            let isWanted = Box(true)
            _ = Parking.block(on: WaitTarget("Test.wait"), until: .never) { _ in
                Strand.current.interrupt { isWanted.value }
                return false
            } withdraw: { _ in
            }
            isWanted.set(false)
            Strand.current.retractInterrupts()
            isWanted.set(true)
            #expect(gate.wait(until: .immediate) == .timedOut)
        }
    }

    @Test func `an interrupt and a cancellation are two errors`() async throws {
        let gate = Gate()
        try await onThread {
            Strand.current.interrupt { true }
            Strand.current.cancel()
            #expect(gate.wait() == .cancelled)
            #expect(gate.wait() == .cancelled)
            #expect(gate.wait(until: .immediate) == .timedOut)
        }
    }
}
