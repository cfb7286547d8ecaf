import Testing

@testable import PlaitStrands

struct HubWatchTests {
    private let limit: UInt64 = 100

    @Test func `a turn is reported once it has lasted for the limit`() {
        var watch = HubWatch()
        #expect(watch.look(turn: 7, at: 1_000, limit: limit) == nil)
        #expect(watch.look(turn: 7, at: 1_050, limit: limit) == nil)
        #expect(watch.look(turn: 7, at: 1_100, limit: limit) == 100)
    }

    @Test func `one look at it is not enough, however late it comes`() {
        var watch = HubWatch()
        #expect(watch.look(turn: 7, at: 1_000, limit: limit) == nil)
        #expect(watch.look(turn: 7, at: 9_000, limit: limit) == nil)
        #expect(watch.look(turn: 7, at: 9_050, limit: limit) == 8_050)
    }

    @Test func `what is not noted as reported stays due; then it is due at twice its age`() {
        var watch = HubWatch()
        for now in stride(from: UInt64(0), through: 100, by: 50) {
            _ = watch.look(turn: 7, at: now, limit: limit)
        }
        #expect(watch.look(turn: 7, at: 150, limit: limit) == 150)
        watch.noteReport(at: 150)
        #expect(watch.look(turn: 7, at: 250, limit: limit) == nil)
        #expect(watch.look(turn: 7, at: 299, limit: limit) == nil)
        #expect(watch.look(turn: 7, at: 300, limit: limit) == 300)
        watch.noteReport(at: 300)
        #expect(watch.look(turn: 7, at: 599, limit: limit) == nil)
        #expect(watch.look(turn: 7, at: 600, limit: limit) == 600)
    }

    @Test func `another turn begins anew`() {
        var watch = HubWatch()
        for (turn, now) in zip(1..<100, stride(from: UInt64(0), to: 100_000, by: 1_000)) {
            #expect(watch.look(turn: turn, at: now, limit: limit) == nil)
            #expect(watch.look(turn: turn, at: now + 999, limit: limit) == nil)
        }
    }

    @Test func `a hub that idles in between begins anew, even at the same turn`() {
        var watch = HubWatch()
        #expect(watch.look(turn: 7, at: 0, limit: limit) == nil)
        #expect(watch.look(turn: 7, at: 90, limit: limit) == nil)
        #expect(watch.look(turn: nil, at: 95, limit: limit) == nil)
        #expect(watch.look(turn: 7, at: 110, limit: limit) == nil)
        #expect(watch.look(turn: 7, at: 200, limit: limit) == nil)
        #expect(watch.look(turn: 7, at: 210, limit: limit) == 100)
    }
}
