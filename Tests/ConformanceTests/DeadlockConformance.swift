import Glibc
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

/// Serialized, since the handler is the whole process's. The policy is the locks' own here: others
/// run beside.
@Suite(.serialized, .timeLimit(.hang))
struct DeadlockConformance {
    /// Two strands, each of which holds a lock and then wants the other's. `patient` waits when
    /// `closing` is let go on, and closes the circle.
    private struct Embrace {
        let a: Lock
        let b: Lock
        let patient: Started<Void>
        let closing: Started<Void>
        private let mayClose = Event()

        init(
            _ patientKind: WaiterKind, _ closingKind: WaiterKind, _ policy: DeadlockDetection.Policy
        ) async throws {
            let a = Lock(name: "a", onDeadlock: policy)
            let b = Lock(name: "b", onDeadlock: policy)
            let mayClose = self.mayClose
            (self.a, self.b) = (a, b)
            closing = closingKind.start(
                {
                    try b.acquire()
                    defer { b.release() }
                    try mayClose.wait()
                    try a.acquire()
                    a.release()
                },
                task: {
                    try await b.acquire()
                    defer { b.release() }
                    try await mayClose.wait()
                    try await a.acquire()
                    a.release()
                })
            try await closing.untilParked()
            patient = patientKind.start(
                {
                    try a.acquire()
                    defer { a.release() }
                    try b.acquire()
                    b.release()
                },
                task: {
                    try await a.acquire()
                    defer { a.release() }
                    try await b.acquire()
                    b.release()
                })
            try await patient.untilParked()
        }

        func close() { mayClose.set() }
    }

    /// Collects what is found.
    private final class Findings: Sendable {
        private let found = Box<[DeadlockDetection.Finding]>([])
        private let came = Event()
        var all: [DeadlockDetection.Finding] { found.value }
        /// Those of an ``Embrace``.
        var own: [DeadlockDetection.Finding] { all.filter { "\($0)".contains("Lock a,") } }

        init() {
            let (found, came) = (self.found, self.came)
            DeadlockDetection.handle { finding in
                found.update { $0.append(finding) }
                if "\(finding)".contains("Lock a,") { came.set() }
            }
        }

        func wait() async throws { try await came.wait() }

        deinit {
            DeadlockDetection.handle(nil)
        }
    }

    @Test(arguments: WaiterKind.pairs)
    func `the wait that would close a circle throws, and the other goes on`(
        _ patient: WaiterKind, _ closing: WaiterKind
    ) async throws {
        let findings = Findings()
        let embrace = try await Embrace(patient, closing, .throwError)
        embrace.close()
        let error = await #expect(throws: DeadlockError.self) {
            try await embrace.closing.value()
        }
        try await embrace.patient.value()
        #expect(!embrace.a.isLocked && !embrace.b.isLocked)
        let members = try #require(error).deadlock.members
        #expect(members.map(\.waitsFor) == ["Lock a", "Lock b"])
        #expect(members.map { $0.holds.map(\.lock) } == [["Lock b"], ["Lock a"]])
        #expect(findings.own.isEmpty)
    }

    @Test(arguments: WaiterKind.pairs)
    func `a circle is reported once, and waits on until one is cancelled`(
        _ patient: WaiterKind, _ closing: WaiterKind
    ) async throws {
        let findings = Findings()
        let embrace = try await Embrace(patient, closing, .report)
        embrace.close()
        try await findings.wait()
        embrace.patient.cancel()
        await #expect(throws: CancellationError.self) { try await embrace.patient.value() }
        try await embrace.closing.value()
        #expect(findings.own.count == 1)
    }

    @Test func `three in a circle are named, with what they hold`() async throws {
        let locks = ["a", "b", "c"].map { Lock(name: $0, onDeadlock: .throwError) }
        let gate = Event()
        let strands = (0..<3).map { index in
            spawn(.thread, name: "worker \(index)") {
                try locks[index].acquire()
                defer { locks[index].release() }
                try gate.wait()
                try locks[(index + 1) % 3].acquire()
                locks[(index + 1) % 3].release()
            }
        }
        try await until { locks.allSatisfy { $0.isLocked } }
        gate.set()
        var thrown: [DeadlockError] = []
        for strand in strands {
            do { try await strand.join() } catch let error as DeadlockError { thrown.append(error) }
        }
        #expect(thrown.count == 1)
        let members = try #require(thrown.first).deadlock.members
        #expect(Set(members.map(\.strand)) == ["worker 0", "worker 1", "worker 2"])
        for (index, member) in members.enumerated() {
            let next = members[(index + 1) % 3]
            #expect(next.holds.map(\.lock) == [member.waitsFor])
        }
        #expect("\(thrown[0])".contains("3 strands wait for each other"))
    }

    @Test(arguments: WaiterKind.allCases)
    func `who waits for a lock that it holds is a circle of its own`(
        _ kind: WaiterKind
    ) async throws {
        let lock = Lock(onDeadlock: .throwError)
        let waiting = kind.start(
            {
                try lock.acquire()
                try lock.acquire()
            },
            task: {
                try await lock.acquire()
                try await lock.acquire()
            })
        await #expect(throws: DeadlockError.self) { try await waiting.value() }
        lock.release()
    }

    @Test func `a wait with a limit ends by itself, and is not followed`() async throws {
        let lock = Lock(onDeadlock: .throwError)
        try await onThread {
            try lock.acquire()
            #expect(try !lock.acquire(within: .milliseconds(1)))
            lock.release()
        }
    }

    @Test func `nothing is looked for when it is off`() async throws {
        let findings = Findings()
        let embrace = try await Embrace(.thread, .thread, .off)
        embrace.close()
        try await embrace.closing.untilParked()
        embrace.patient.cancel()
        await #expect(throws: CancellationError.self) { try await embrace.patient.value() }
        try await embrace.closing.value()
        #expect(findings.own.isEmpty)
    }

    @Test func `a circle traps where that is the policy, and where a lock cannot throw`() async {
        await #expect(processExitsWith: .failure) {
            DeadlockDetection.policy = .trap
            let lock = Lock()
            try await lock.acquire()
            try await lock.acquire()
        }
        await #expect(processExitsWith: .failure) {
            DeadlockDetection.policy = .throwError
            let lock = Lock()
            try await onThread { lock.withLock { lock.withLock {} } }
        }
    }

    @Test func `locks taken in two orders are told before they deadlock`() async throws {
        let findings = Findings()
        DeadlockDetection.checksLockOrder = true
        DeadlockDetection.capturesStacks = true
        let first = Lock(name: "first in order")
        let second = Lock(name: "second in order")
        DeadlockDetection.checksLockOrder = false
        DeadlockDetection.capturesStacks = false
        try await onThread {
            // Only while it is set are orders noted: other tests' locks are none of ours.
            DeadlockDetection.checksLockOrder = true
            DeadlockDetection.capturesStacks = true
            defer {
                DeadlockDetection.checksLockOrder = false
                DeadlockDetection.capturesStacks = false
            }
            for _ in 0..<2 {
                first.withLock { second.withLock {} }
                second.withLock { first.withLock {} }
            }
        }
        let inversions = findings.all.compactMap { finding -> LockInversion? in
            guard case .inversion(let inversion) = finding else { return nil }
            return inversion.held.contains("in order") ? inversion : nil
        }
        #expect(inversions.count == 1)
        let inversion = try #require(inversions.first)
        #expect(inversion.held == "Lock second in order")
        #expect(inversion.taken == "Lock first in order")
        #expect(inversion.earlierOrder == ["Lock first in order", "Lock second in order"])
        #expect(!inversion.takenAt.isEmpty)
        #expect(!first.isLocked && !second.isLocked)
    }

    @Test func `each lock that is held in the other order is told`() async throws {
        let findings = Findings()
        DeadlockDetection.checksLockOrder = true
        let (a, b, c) = (
            Lock(name: "a of three"), Lock(name: "b of three"), Lock(name: "c of three")
        )
        try await onThread {
            c.withLock { a.withLock {} }
            c.withLock { b.withLock {} }
            a.withLock { b.withLock { c.withLock {} } }
        }
        DeadlockDetection.checksLockOrder = false
        let held = findings.all.compactMap { finding -> String? in
            guard case .inversion(let inversion) = finding else { return nil }
            return inversion.taken == "Lock c of three" ? inversion.held : nil
        }
        #expect(held == ["Lock a of three", "Lock b of three"])
    }

    /// A fiber that was let in to read, but has not run since, waits for nobody.
    @Test func `who was let in and has not run yet closes no circle`() async throws {
        let shared = ReadWriteLock(onDeadlock: .throwError)
        let own = Lock(onDeadlock: .throwError)
        let (isBusy, mayRun) = (Event(), Box(false))
        try await shared.acquireWrite()
        let background = try await Hub.start(name: "busy")
        let late = spawn(.fiber, on: background.hub) {
            try own.acquire()
            try shared.acquireRead()
            shared.releaseRead()
            own.release()
        }
        try await until { await background.hub.answer { late.strand.currentWait != nil } }
        let other = spawn(.thread) {
            try shared.acquireRead()
            defer { shared.releaseRead() }
            try own.acquire()
            own.release()
        }
        try await until { other.strand.currentWait != nil }
        let busy = spawn(.fiber, on: background.hub) {
            isBusy.set()
            while !mayRun.value { sched_yield() }
        }
        try await isBusy.wait()
        shared.releaseWrite()
        try await until {
            !other.strand.isAlive || other.strand.currentWait?.verb == "Lock.acquire"
        }
        mayRun.set(true)
        try await busy.join()
        try await late.join()
        try await other.join()
        try await onThread { try background.stop() }
    }

    @Test func `a traced lock is a lock like others, and tells where it was acquired`() async throws
    {
        DeadlockDetection.capturesStacks = true
        let lock = Lock(name: "traced", onDeadlock: .throwError)
        let count = Box(0)
        let threads = (0..<4).map { _ in
            spawn(.thread) {
                for _ in 0..<500 { lock.withLock { count.set(count.value + 1) } }
            }
        }
        for thread in threads { try await thread.join() }
        #expect(count.value == 2_000)
        let error = try await onThread {
            try lock.acquire()
            defer { lock.release() }
            return try #require(throws: DeadlockError.self) { try lock.acquire() }
        }
        DeadlockDetection.capturesStacks = false
        let held = try #require(error.deadlock.members.first?.holds.first)
        #expect(held.since != nil)
        #expect(!held.acquiredAt.isEmpty)
        #expect(lock.tryAcquire())
        #expect(!lock.tryAcquire())
        lock.release()
    }
}
