import PlaitParking
import PlaitPlatform
import PlaitStrands
import Testing
import TestSupport

/// Threads without a hub that wait for descriptors.
@Suite(.timeLimit(.hang))
struct DescriptorWaitTests {
    /// A descriptor that becomes readable on demand.
    private final class Counter: Sendable {
        let descriptor: Descriptor
        init() throws { descriptor = try makeEventCounter() }

        func wait(until deadline: Deadline = .never) throws -> Readiness? {
            guard let thread = Strand.current as? ThreadStrand else { return nil }
            return try thread.wait(for: descriptor.number, .readable, until: deadline)
        }
    }

    @Test func `a descriptor that is ready is told at once`() async throws {
        let counter = try Counter()
        signalEventCounter(counter.descriptor.number)
        let readiness = try await onThread { try counter.wait() }
        #expect(readiness == .readable)
    }

    @Test func `a descriptor that becomes ready ends the wait`() async throws {
        let counter = try Counter()
        let waiting = spawn(.thread) { try counter.wait() }
        try await until { waiting.strand.currentWait != nil }
        signalEventCounter(counter.descriptor.number)
        #expect(try await waiting.join() == .readable)
    }

    @Test func `a deadline ends the wait`() async throws {
        let counter = try Counter()
        let readiness = try await onThread {
            try (
                counter.wait(until: .immediate),
                counter.wait(until: Deadline(within: .milliseconds(2)))
            )
        }
        #expect(readiness == (nil, nil))
    }

    @Test func `a cancellation before the wait ends it`() async throws {
        let counter = try Counter()
        try await onThread {
            Strand.current.cancel()
            #expect(throws: CancellationError.self) { try counter.wait() }
            let next = try counter.wait(until: .immediate)
            #expect(next == nil)
        }
    }

    /// On a thread that Plait did not start, the signal came before the system call, and was lost.
    @Test func `a cancellation right before the system call ends the call of a foreign thread`()
        async throws
    {
        let counter = try Counter()
        let outcome = Box<DescriptorWait?>(nil)
        let isDone = Box(false)
        try startThread(name: "foreign") {
            // Meets Plait.
            _ = Strand.current
            interruptThread(kernelThreadID())
            outcome.set(
                try? waitForDescriptor(
                    counter.descriptor.number, .readable,
                    until: Deadline(within: .seconds(10)), interrupt: threadInterrupt))
            isDone.set(true)
        }
        try await until { isDone.value }
        let isInterrupted = if case .interrupted = outcome.value { true } else { false }
        #expect(isInterrupted)
    }

    @Test func `a closed descriptor is an error, and the thread can wait again`() async throws {
        let counter = try Counter()
        try await onThread {
            let thread = try #require(Strand.current as? ThreadStrand)
            // poll(2) reports a number that is not open as an event.
            let readiness = try thread.wait(for: 1 << 20, .readable, until: .never)
            #expect(readiness?.contains(.hangup) == true)
            let next = try counter.wait(until: .immediate)
            #expect(next == nil)
        }
    }

    @Test func `every cancellation ends one wait, whenever it comes`() async throws {
        let counter = try Counter()
        let cancelled = Box(0)
        let rounds = 3_000
        try await onThread {
            let waiting = spawn(.thread) {
                for _ in 0..<rounds {
                    #expect(throws: CancellationError.self) { try counter.wait() }
                    cancelled.update { $0 += 1 }
                }
            }
            for round in 0..<rounds {
                // The next wait begins about now.
                waiting.cancel()
                while cancelled.value == round { yieldThread() }
            }
            try waiting.join()
        }
    }
}
