import Testing

@testable import PlaitCommand

struct MessagesTests {
    @Test func `the same seed gives the same messages`() {
        let one = Messages(seed: 3, largest: 1_024)
        let two = Messages(seed: 3, largest: 1_024)
        var random = (SeededRandom(9), SeededRandom(9))
        for _ in 0..<100 {
            let range = one.next(&random.0)
            #expect(range == two.next(&random.1))
            #expect((16...1_024).contains(range.count))
            #expect(one.withMessage(range) { two.match($0, at: range.lowerBound) })
        }
    }

    @Test func `a byte that is wrong, or too many, do not match`() {
        let messages = Messages(seed: 1, largest: 64)
        let range = 100..<140
        #expect(messages.withMessage(range) { !messages.match($0, at: 101) })
        #expect(messages.withMessage(range) { !messages.match($0, at: 65_530) })
    }

    @Test(arguments: [1, 15, 16, 65_536])
    func `sizes are those asked for`(_ largest: Int) {
        let messages = Messages(seed: 1, largest: largest)
        var random = SeededRandom(1)
        for _ in 0..<200 {
            #expect((min(16, largest)...largest).contains(messages.next(&random).count))
        }
    }
}
