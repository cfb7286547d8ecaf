import Glibc
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// Signals do not end waits: a handled one interrupts the system call, and the wait goes on to the
/// same deadline. What ends a wait early is cancelling its strand.
@Suite(.serialized, .timeLimit(.hang))
struct SignalledWaitTests {
    /// Handled, by doing nothing, without SA_RESTART.
    private static let signal: Int32 = {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { _ in }
        unsafe sigaction(SIGUSR1, &action, nil)
        return SIGUSR1
    }()

    /// Runs `body` on a thread, and sends that signals while it waits and `goesOn`.
    private func signalled<Success: Sendable>(
        while goesOn: @escaping @Sendable (_ sent: Int) -> Bool,
        _ body: @escaping @Sendable () throws -> Success
    ) throws -> Success {
        let number = Box<Int32>(0)
        let thread = spawn(.thread) {
            number.set(kernelThreadID())
            return try body()
        }
        while thread.strand.currentWait == nil && thread.isAlive { Strand.yield() }
        var sent = 0
        while thread.isAlive && goesOn(sent) {
            interruptThread(number.value, by: Self.signal)
            sent += 1
            Strand.yield()
        }
        return try thread.join()
    }

    // TH-100
    @Test func `signals do not shorten a timed acquire`() async throws {
        try await onThread {
            let lock = Lock()
            try lock.acquire()
            let start = ContinuousClock.now
            let isHeld = try signalled(while: { _ in true }) {
                try lock.acquire(within: .milliseconds(100))
            }
            #expect(!isHeld)
            #expect(start.duration(to: .now) >= .milliseconds(100))
            lock.release()
        }
    }

    // TH-100
    @Test func `signals do not prolong a timed acquire`() async throws {
        try await onThread {
            let lock = Lock()
            try lock.acquire()
            // Were its time to begin anew with each signal, it would outlast the test's limit.
            let isHeld = try signalled(while: { _ in true }) {
                try lock.acquire(within: .milliseconds(50))
            }
            #expect(!isHeld)
            lock.release()
        }
    }

    @Test func `signals do not lose a wakeup`() async throws {
        try await onThread {
            let lock = Lock()
            let semaphore = CountingSemaphore(permits: 0)
            try lock.acquire()
            let isHeld = try signalled(
                while: { sent in
                    if sent == 1_000 { lock.release() }
                    return sent < 2_000
                }
            ) {
                try lock.acquire(within: .seconds(60))
            }
            #expect(isHeld)
            let isTaken = try signalled(
                while: { sent in
                    if sent == 1_000 { semaphore.release() }
                    return sent < 2_000
                }
            ) {
                try semaphore.acquire(within: .seconds(60))
            }
            #expect(isTaken)
        }
    }

    // TH-098
    @Test(arguments: StrandKind.allCases)
    func `cancelling ends a timed acquire early`(_ kind: StrandKind) async throws {
        try await onThread {
            let lock = Lock()
            try lock.acquire()
            let waiting = spawn(kind: kind) { try lock.acquire(within: .seconds(600)) }
            while waiting.strand.currentWait == nil { Strand.yield() }
            waiting.cancel()
            #expect(throws: CancellationError.self) { try waiting.join() }
            lock.release()
        }
    }
}
