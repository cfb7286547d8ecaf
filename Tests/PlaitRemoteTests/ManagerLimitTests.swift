import Foundation
import Glibc
import PlaitParking
import PlaitPlatform
import PlaitProcesses
@testable import PlaitRemote
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// Limits and cancellation while the manager does not answer, and what becomes of the calls when it
/// does.
@Suite(.timeLimit(.hang))
struct ManagerLimitTests {
    private struct Objects: Sendable {
        let counter: Managed<Counter>
        let lock: ManagedLock
        let queue: ManagedQueue<Int>
        let event: ManagedEvent
        let permits: ManagedSemaphore
        let condition: ManagedCondition

        init(_ manager: Manager) throws {
            counter = try manager.make(Counter.self, 1)
            lock = try manager.lock()
            queue = try manager.queue(capacity: 4)
            try queue.put(1)
            try queue.put(2)
            event = try manager.event(isSet: true)
            permits = try manager.semaphore(permits: 1)
            condition = try manager.condition()
        }

        /// All of them past the limit.
        func tryAll(within limit: Duration) throws {
            #expect(throws: TimedOut.self) {
                try counter.call(Counter.Add(amount: 1), within: limit)
            }
            #expect(try lock.acquire(within: limit) == nil)
            #expect(throws: TimedOut.self) { try queue.get(within: limit) }
            #expect(try queue.put(3, within: limit) == false)
            #expect(try event.wait(within: limit) == false)
            #expect(try permits.acquire(within: limit) == false)
            #expect(try condition.acquire(within: limit) == false)
            #expect(try queue.join(within: limit) == false)
        }

        /// As if nobody had asked for anything.
        func check() throws {
            #expect(try lock.acquire(within: nil) == .acquired)
            try lock.release()
            #expect(try queue.get() == 1)
            #expect(try queue.get() == 2)
            try permits.acquire()
            #expect(try permits.tryAcquire() == false)
            try condition.acquire()
            try condition.release()
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `limits are kept while the manager is stopped, and nothing is lost`(
        _ kind: StrandKind
    ) async throws {
        try await withTestManager { manager in
            let objects = try Objects(manager)
            let limit = Duration.milliseconds(5)
            kill(manager.pid, SIGSTOP)
            try spawn(.thread) {
                try spawn(kind: kind) { try objects.tryAll(within: limit) }.join()
            }.join()
            kill(manager.pid, SIGCONT)
            try objects.check()
            #expect(try objects.queue.tryGet() == nil)
        }
    }

    @Test func `limits of tasks are kept while the manager is stopped`() async throws {
        let manager = try await Manager.start()
        let queue: ManagedQueue<Int> = try await manager.queue(capacity: 4)
        let lock = try await manager.lock()
        try await queue.put(1)
        kill(manager.pid, SIGSTOP)
        await #expect(throws: TimedOut.self) { try await queue.get(within: .milliseconds(5)) }
        #expect(try await lock.acquire(within: .milliseconds(5)) == nil)
        let task = Task { try await queue.get() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        kill(manager.pid, SIGCONT)
        #expect(try await queue.get() == 1)
        try await lock.acquire()
        _ = try await manager.shutDown()
    }

    /// What is given to a caller that has left comes back: each gets its answer when the manager
    /// goes on.
    @Test func `limits are kept while a call holds up the manager, and nothing is lost`()
        async throws
    {
        try await withTestManager { manager in
            let objects = try Objects(manager)
            // It reads each of these calls alone: the cancellations come later.
            let pipe = try Gate()
            let busy = try objects.counter.submit(Counter.ReadByte(path: pipe.path))
            #expect(throws: TimedOut.self) {
                try objects.counter.call(Counter.Add(amount: 1), within: .milliseconds(5))
            }
            #expect(try objects.lock.acquire(within: .milliseconds(5)) == nil)
            #expect(throws: TimedOut.self) { try objects.queue.get(within: .milliseconds(5)) }
            try pipe.open()
            _ = try busy.result()
            try objects.check()
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `cancellation ends a call while the manager is stopped`(
        _ kind: StrandKind
    ) async throws {
        try await withTestManager { manager in
            let objects = try Objects(manager)
            kill(manager.pid, SIGSTOP)
            try spawn(.thread) {
                let waits: [@Sendable () throws -> Void] = [
                    { _ = try objects.lock.acquire() }, { _ = try objects.queue.get() },
                    { _ = try objects.counter.call(Counter.Add(amount: 1)) },
                ]
                for wait in waits {
                    let strand = spawn(kind: kind) {
                        #expect(throws: CancellationError.self) { try wait() }
                    }
                    strand.cancel()
                    try strand.join()
                }
            }.join()
            kill(manager.pid, SIGCONT)
            try objects.check()
        }
    }
}

/// A named pipe on which a call waits without saying so.
private struct Gate {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "plait-gate-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        guard unsafe mkfifo(path, 0o600) == 0 else { throw Unnamed() }
    }

    func open() throws {
        try FileHandle(forWritingTo: URL(filePath: path)).write(contentsOf: Data([1]))
        _ = unsafe unlink(path)
    }
}

extension Counter {
    /// Holds up the manager until somebody writes.
    struct ReadByte: ManagedCall {
        let path: String
        func run(on counter: Counter) throws -> Int {
            try FileHandle(forReadingFrom: URL(filePath: path)).read(upToCount: 1)?.count ?? 0
        }
    }
}
