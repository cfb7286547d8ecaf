import PlaitLoop
import PlaitPlatform
import PlaitTesting
import Testing

/// What a registration remembers and asks of its selector, step by step.
struct RegistrationMemoryTests {
    private func report(
        _ readiness: Readiness, of descriptor: Int32, _ scripted: ScriptedLoop
    ) throws {
        let entry = try #require(scripted.selector.entries[descriptor])
        scripted.selector.script.append([(entry.token, readiness)])
        scripted.loop.runOnce(until: .immediate)
    }

    @Test func `edge-triggered, it starts as perhaps ready and remembers what it is told`() throws {
        let scripted = try ScriptedLoop()
        let registration = try scripted.loop.register(20_000)
        #expect(registration.mayBe(.readable) && registration.mayBe(.writable))
        registration.isDrained()
        #expect(!registration.mayBe(.readable) && registration.mayBe(.writable))
        registration.isFilled()
        #expect(!registration.mayBe(.writable))
        try report(.readable, of: 20_000, scripted)
        #expect(registration.mayBe(.readable) && !registration.mayBe(.writable))
        try report(.writable, of: 20_000, scripted)
        #expect(registration.mayBe(.readable) && registration.mayBe(.writable))
    }

    @Test func `a hang-up sticks to reading, but not to writing`() throws {
        let scripted = try ScriptedLoop()
        let registration = try scripted.loop.register(20_000)
        try report([.readable, .hangup], of: 20_000, scripted)
        registration.isDrained()
        registration.isFilled()
        #expect(registration.mayBe(.readable))
        #expect(!registration.mayBe(.writable))
    }

    @Test func `edge-triggered, reading is watched from the start by an edge`() throws {
        let scripted = try ScriptedLoop()
        _ = try scripted.loop.register(20_000)
        #expect(scripted.selector.entries[20_000]?.interest == .readable)
        #expect(scripted.selector.entries[20_000]?.mode == .edge)
    }

    @Test func `level-triggered, nothing is watched while nobody waits`() throws {
        let scripted = try ScriptedLoop(supportsEdge: false)
        let registration = try scripted.loop.register(20_000)
        #expect(scripted.selector.entries[20_000]?.interest == [])
        #expect(scripted.selector.entries[20_000]?.mode == .level)
        try registration.onReadable { _ in }
        #expect(scripted.selector.entries[20_000]?.interest == .readable)
    }

    @Test(arguments: [true, false])
    func `a callback is called for every report`(supportsEdge: Bool) throws {
        let scripted = try ScriptedLoop(supportsEdge: supportsEdge)
        let registration = try scripted.loop.register(20_000)
        var reports: [Readiness] = []
        try registration.onReadable { reports.append($0) }
        try report(.readable, of: 20_000, scripted)
        try report([.readable, .hangup], of: 20_000, scripted)
        #expect(reports == [.readable, [.readable, .hangup]])
    }

    @Test func `a stale event does not reach the next user of the descriptor's number`() throws {
        let scripted = try ScriptedLoop()
        let old = try scripted.loop.register(20_000)
        let stale = try #require(scripted.selector.entries[20_000]?.token)
        scripted.loop.unregister(old, willClose: false)
        let new = try scripted.loop.register(20_000)
        new.isDrained()
        scripted.selector.script = [[(stale, [.readable, .hangup])]]
        scripted.loop.runOnce(until: .immediate)
        #expect(!new.mayBe(.readable))
        try report(.readable, of: 20_000, scripted)
        #expect(new.mayBe(.readable))
    }

    @Test func `an event behind the one that closed its descriptor is dropped`() throws {
        let scripted = try ScriptedLoop()
        let first = try scripted.loop.register(20_000)
        let second = try scripted.loop.register(20_001)
        var calls: [Int] = []
        try first.onReadable { _ in
            calls.append(20_000)
            scripted.loop.unregister(second, willClose: false)
        }
        try second.onReadable { _ in calls.append(20_001) }
        let tokens = try [20_000, 20_001].map { try #require(scripted.selector.entries[$0]).token }
        scripted.selector.script = [tokens.map { ($0, .readable) }]
        scripted.loop.runOnce(until: .immediate)
        #expect(calls == [20_000])
    }

    @Test func `tokens of nobody are ignored`() throws {
        let scripted = try ScriptedLoop()
        let registration = try scripted.loop.register(20_000)
        registration.isDrained()
        scripted.selector.script = [[20_001, 20_000, 1 << 40].map { ($0, .readable) }]
        scripted.loop.runOnce(until: .immediate)
        #expect(!registration.mayBe(.readable))
    }
}
