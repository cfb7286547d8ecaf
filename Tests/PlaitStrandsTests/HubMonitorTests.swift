import Glibc
import PlaitParking
import PlaitSync
import Synchronization
import TestSupport
import Testing

@testable import PlaitStrands

/// One after another: the monitor is the process's.
@Suite(.serialized, .timeLimit(.hang))
struct HubMonitorTests {
    /// What was reported of threads whose names begin with `prefix`; other tests have hubs too.
    private final class Reports: Sendable {
        private let prefix: String
        private let kept = Box<[BlockedHub]>([])
        private let changed = CountingSemaphore(permits: 0)

        init(_ prefix: String) { self.prefix = prefix }

        func add(_ blocked: BlockedHub) {
            guard blocked.thread.hasPrefix(prefix) else { return }
            kept.update { $0.append(blocked) }
            changed.release()
        }

        var all: [BlockedHub] { kept.value }
        func next() async throws -> BlockedHub {
            try await changed.acquire()
            return try #require(kept.update { $0.isEmpty ? nil : $0.removeFirst() })
        }
    }

    private func withMonitor<Success>(
        of prefix: String, _ body: (Reports) async throws -> Success
    ) async throws -> Success {
        let reports = Reports(prefix)
        HubMonitor.start(limit: .milliseconds(20)) { reports.add($0) }
        do {
            let result = try await body(reports)
            await HubMonitor.stop()
            return result
        } catch {
            await HubMonitor.stop()
            throw error
        }
    }

    private func hasThread() -> Bool {
        ThreadRegistry.all.contains { $0.name == HubWatcher.threadName }
    }

    // MARK: Who is reported

    // GV-042
    @Test func `a fiber that computes is reported, with its name and where`() async throws {
        try await withMonitor(of: "computes-") { reports in
            let background = try await Hub.start(name: "computes-hub")
            let mayEnd = Flag()
            let fiber = spawn(.fiber, on: background.hub, name: "cruncher") { crunch(mayEnd) }
            let before = HubMonitor.reports
            var blocked = try await reports.next()
            // On a busy machine the hub's thread may have waited for a processor before.
            while blocked.occupant == .thread { blocked = try await reports.next() }
            #expect(blocked.occupant == .fiber("cruncher"))
            #expect(blocked.thread == "computes-hub")
            #expect(blocked.duration >= .milliseconds(20))
            #expect(blocked.stack.contains { $0.contains("crunch") }, "\(blocked)")
            #expect(
                blocked.description.hasPrefix(
                    "fiber 'cruncher' has kept hub 'computes-hub' for "))
            // Again, at twice the age: it still computes.
            let second = try await reports.next()
            #expect(second.duration >= blocked.duration * 2)
            #expect(HubMonitor.reports > before)
            mayEnd.set()
            try await fiber.join()
            try await onThread { try background.stop() }
        }
    }

    @Test func `one that blocks its thread in a call is, and the call's name is there`()
        async throws
    {
        try await withMonitor(of: "calls-") { reports in
            let background = try await Hub.start(name: "calls-hub")
            let sockets = try SocketPair()
            defer { sockets.close() }
            let number = sockets.far
            let fiber = spawn(.fiber, on: background.hub) { receiveBlocking(number) }
            let blocked = try await reports.next()
            #expect(blocked.occupant == .fiber(fiber.name))
            #expect(blocked.stack.contains { $0.contains("receiveBlocking") }, "\(blocked)")
            sockets.send("x", from: sockets.near)
            #expect(try await fiber.join() == 1)
            try await onThread { try background.stop() }
        }
    }

    @Test func `a callback that runs on the loop is reported as such`() async throws {
        try await withMonitor(of: "calls-back-") { reports in
            let background = try await Hub.start(name: "calls-back-hub")
            let mayEnd = Flag()
            background.hub.post { crunch(mayEnd) }
            let blocked = try await reports.next()
            #expect(blocked.occupant == .callback)
            #expect(blocked.stack.contains { $0.contains("crunch") }, "\(blocked)")
            #expect(blocked.description.hasPrefix("a loop callback has kept hub 'calls-back-hub'"))
            mayEnd.set()
            try await onThread { try background.stop() }
        }
    }

    @Test func `two hubs that are blocked are told apart`() async throws {
        try await withMonitor(of: "one-of-two-") { reports in
            let hubs = try (1...2).map { try Hub.start(name: "one-of-two-\($0)") }
            let mayEnd = Flag()
            let fibers = hubs.enumerated().map { index, hub in
                spawn(.fiber, on: hub.hub, name: "busy-\(index + 1)") { crunch(mayEnd) }
            }
            var seen: [String: BlockedHub.Occupant] = [:]
            while seen.count < 2 {
                let blocked = try await reports.next()
                seen[blocked.thread] = blocked.occupant
            }
            mayEnd.set()
            #expect(
                seen == ["one-of-two-1": .fiber("busy-1"), "one-of-two-2": .fiber("busy-2")])
            for fiber in fibers { try await fiber.join() }
            for hub in hubs { try await onThread { try hub.stop() } }
        }
    }

    // GV-045
    @Test(arguments: [false, true])
    func `a thread that computes while its fibers are ready is reported`(
        _ fromAfar: Bool
    ) async throws {
        try await withMonitor(of: "starves-") { reports in
            let mayEnd = Flag()
            let hub = Box<Hub?>(nil)
            let thread = spawn(.thread, name: "starves-fibers") {
                hub.set(Hub.current)
                if !fromAfar { spawn(.fiber) {} }
                crunch(mayEnd)
            }
            if fromAfar {
                try await until { hub.value != nil }
                spawn(.fiber, on: try #require(hub.value)) {}
            }
            let blocked = try await reports.next()
            hub.set(nil)
            #expect(blocked.occupant == .thread)
            #expect(blocked.stack.contains { $0.contains("crunch") }, "\(blocked)")
            #expect(
                blocked.description.hasPrefix(
                    "thread 'starves-fibers' has kept its ready fibers waiting for "))
            mayEnd.set()
            try await thread.join()
        }
    }

    // MARK: Who is not

    /// Looks at all hubs three times, as if the limit had passed each time; `between` runs after
    /// each look.
    private func look(
        _ prefix: String, between: () async throws -> Void = {}
    ) async throws -> [BlockedHub] {
        let reports = Reports(prefix)
        let watcher = HubWatcher(limit: .seconds(1)) { reports.add($0) }
        var watches = HubWatcher.Watches()
        for second in UInt64(1)...4 {
            watcher.look(at: second * 2_000_000_000, &watches)
            try await between()
        }
        return reports.all
    }

    @Test func `a hub that waits for events is not reported`() async throws {
        let background = try await Hub.start(name: "idles-hub")
        let fiber = spawn(.fiber, on: background.hub) { try Event().wait() }
        try await until { await background.hub.answer { fiber.strand.currentWait != nil } }
        try await until { background.hub.pulse.phase == .idle }
        #expect(try await look("idles-").isEmpty)
        fiber.cancel()
        try await onThread { try background.stop() }
    }

    @Test func `fibers that yield are not, however busy they are`() async throws {
        let background = try await Hub.start(name: "yields-hub")
        let mayEnd = Flag()
        let yields = Box(0)
        let fibers = (0..<2).map { _ in
            spawn(.fiber, on: background.hub) {
                while !mayEnd.isSet {
                    yields.update { $0 += 1 }
                    Strand.yield()
                }
            }
        }
        let found = try await look("yields-") {
            let seen = yields.value
            try await until { yields.value > seen + 10 }
        }
        #expect(found.isEmpty, "\(found)")
        mayEnd.set()
        for fiber in fibers { try await fiber.join() }
        try await onThread { try background.stop() }
    }

    // GV-043
    @Test func `threads without a hub are not, whether they wait or compute`() async throws {
        let mayEnd = Flag()
        let event = Event()
        let works = spawn(.thread, name: "worker-busy") { crunch(mayEnd) }
        let waits = spawn(.thread, name: "worker-waits") { try event.wait() }
        try await until { waits.strand.currentWait != nil && mayEnd.hasBegun }
        #expect(try await look("worker-").isEmpty)
        mayEnd.set()
        event.set()
        try await works.join()
        try await waits.join()
    }

    // GV-044
    @Test func `nor is a thread that computes while none of its fibers is ready`() async throws {
        let mayEnd = Flag()
        let event = Event()
        let thread = spawn(.thread, name: "alone-thread") {
            let fiber = spawn(.fiber) { try event.wait() }
            while fiber.strand.currentWait == nil { Strand.yield() }
            crunch(mayEnd)
            event.set()
            try fiber.join()
        }
        try await until { mayEnd.hasBegun }
        #expect(try await look("alone-").isEmpty)
        mayEnd.set()
        try await thread.join()
    }

    @Test func `a look finds what is blocked, at once and again at twice the age`() async throws {
        let background = try await Hub.start(name: "looked-at-hub")
        let mayEnd = Flag()
        let fiber = spawn(.fiber, on: background.hub, name: "stuck") { crunch(mayEnd) }
        try await until { mayEnd.hasBegun }
        let found = try await look("looked-at-")
        // First seen at 2 s; due in the third look, at the age of 4, and then not before that of 8.
        #expect(found.map(\.occupant) == [.fiber("stuck")])
        #expect(found.map(\.duration) == [.seconds(4)])
        mayEnd.set()
        try await fiber.join()
        try await onThread { try background.stop() }
    }

    // MARK: The monitor

    // GV-040
    @Test func `it is off until started, and its limit and its report are the caller's`()
        async throws
    {
        #expect(!HubMonitor.isRunning)
        #expect(!hasThread())
        let reports = Reports("configured-")
        HubMonitor.start(limit: .milliseconds(60)) { reports.add($0) }
        #expect(HubMonitor.isRunning)
        #expect(hasThread())
        let background = try await Hub.start(name: "configured-hub")
        let mayEnd = Flag()
        let fiber = spawn(.fiber, on: background.hub) { crunch(mayEnd) }
        #expect(try await reports.next().duration >= .milliseconds(60))
        mayEnd.set()
        try await fiber.join()
        // In place of the one that runs.
        let others = Reports("configured-")
        HubMonitor.start(limit: .milliseconds(10)) { others.add($0) }
        let second = Flag()
        let again = spawn(.fiber, on: background.hub) { crunch(second) }
        _ = try await others.next()
        second.set()
        try await again.join()
        try await onThread { try background.stop() }
        await HubMonitor.stop()
        try await until { !hasThread() }
    }

    // GV-041
    @Test func `stopped, it leaves nothing behind and reports nothing`() async throws {
        let reports = Reports("left-alone-")
        HubMonitor.start(limit: .milliseconds(1)) { reports.add($0) }
        let background = try await Hub.start(name: "left-alone-hub")
        let mayEnd = Flag()
        let fiber = spawn(.fiber, on: background.hub) { crunch(mayEnd) }
        _ = try await reports.next()
        await HubMonitor.stop()
        #expect(!HubMonitor.isRunning)
        #expect(!hasThread())
        // The fiber computes still: a monitor would go on to report it.
        let total = HubMonitor.reports
        let count = reports.all.count
        let turn = background.hub.pulse.turn
        // Ten times the limit.
        #expect(try await !Event().wait(within: .milliseconds(10)))
        #expect(HubMonitor.reports == total)
        #expect(reports.all.count == count)
        #expect(background.hub.pulse.turn == turn)
        mayEnd.set()
        try await fiber.join()
        try await onThread {
            try background.stop()
            // None runs.
            HubMonitor.stop()
        }
    }

    @Test func `a report may stop the monitor`() async throws {
        let background = try await Hub.start(name: "stops-hub")
        let mayEnd = Flag()
        let stopped = Event()
        HubMonitor.start(limit: .milliseconds(1)) { blocked in
            guard blocked.thread == "stops-hub", !stopped.isSet else { return }
            HubMonitor.stop()
            stopped.set()
        }
        let fiber = spawn(.fiber, on: background.hub) { crunch(mayEnd) }
        try await stopped.wait()
        #expect(!HubMonitor.isRunning)
        try await until { !hasThread() }
        mayEnd.set()
        try await fiber.join()
        try await onThread { try background.stop() }
    }

    @Test func `without a report of the caller's it logs who keeps which hub, and where`() async {
        let result = await #expect(
            processExitsWith: .success,
            observing: [\.standardErrorContent, \.standardOutputContent]
        ) {
            HubMonitor.start(limit: .milliseconds(10))
            let background = try await Hub.start(name: "logged-hub")
            let mayEnd = Flag()
            let fiber = spawn(.fiber, on: background.hub, name: "hog") { crunch(mayEnd) }
            try await until { HubMonitor.reports > 0 }
            await HubMonitor.stop()
            mayEnd.set()
            try await fiber.join()
        }
        let output = text(
            (result?.standardErrorContent ?? []) + (result?.standardOutputContent ?? []))
        #expect(output.contains("plait.hubs"))
        #expect(output.contains("fiber 'hog' has kept hub 'logged-hub' for "))
        #expect(output.contains("crunch"))
    }

    @Test func `a limit of nothing is a mistake`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            HubMonitor.start(limit: .zero)
        }
        #expect(text(of: result).contains("HubMonitor.start with limit"))
    }
}

/// Tells a computation when to end, and others that it has begun.
private final class Flag: Sendable {
    private let isRaised = Atomic<Bool>(false)
    private let begun = Atomic<Bool>(false)

    var isSet: Bool { isRaised.load(ordering: .acquiring) }
    func set() { isRaised.store(true, ordering: .releasing) }
    var hasBegun: Bool { begun.load(ordering: .acquiring) }
    func begin() { begun.store(true, ordering: .releasing) }
}

/// Computes until told to end.
@inline(never)
private func crunch(_ mayEnd: Flag) {
    mayEnd.begin()
    while !mayEnd.isSet {}
}

/// Blocks the thread until a byte has come: what a fiber should not do.
@inline(never)
private func receiveBlocking(_ number: Int32) -> Int {
    let flags = fcntl(number, F_GETFL)
    _ = fcntl(number, F_SETFL, flags & ~O_NONBLOCK)
    var byte: UInt8 = 0
    let count = unsafe recv(number, &byte, 1, 0)
    return count
}
