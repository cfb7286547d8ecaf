import Testing

@testable import PlaitCommand

struct C10kTableTests {
    @Test func `columns are aligned and what is not known is a dash`() {
        var good = C10kResult(model: .fiber, clients: 10_000)
        good.take(
            ClientReport(
                held: 10_000, errors: 0, messages: 2_469_136, seconds: 2, p50Microseconds: 999.4,
                p99Microseconds: 1_250, p999Microseconds: 1_234_567))
        good.bytesPerClient = 5_321
        let none = C10kResult(model: .thread, clients: 5)
        let table = C10kTable(results: [good, none], notes: ["a note"])
        #expect(
            "\(table)" == """
                model   clients    held  messages/s     p50     p99       p99.9  memory/client  errors
                fiber    10,000  10,000   1,234,568  999 us  1.3 ms  1,234.6 ms        5,321 B       0
                thread        5       0           0       -       -           -              -       0
                a note

                """)
        #expect(good.isGood && !none.isGood)
    }

    @Test func `progress is what was told`() {
        let all = [ClientProgress.connected(12), .exchanging(0), .exchanged]
        #expect(all.map { ClientProgress(line: $0.line) } == all)
        for line in ["", "{}", "connected", "connected x", "exchanged 3 4"] {
            #expect(ClientProgress(line: line) == nil)
        }
    }

    @Test func `digits are grouped`() {
        #expect([0, 999, 1_000, -1_234_567].map(\.grouped) == ["0", "999", "1,000", "-1,234,567"])
    }
}
