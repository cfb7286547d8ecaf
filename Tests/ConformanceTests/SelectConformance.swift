import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct SelectConformance {
    /// Receives a number or sends a word, and says which.
    private func start(
        _ kind: WaiterKind, _ numbers: Channel<Int>, _ words: Channel<String>
    ) -> Started<String> {
        kind.start(
            {
                try select {
                    Case.receive(from: numbers) { number in "received \(number)" }
                    Case.send("word", to: words) { "sent" }
                }
            },
            task: {
                try await select {
                    Case.receive(from: numbers) { number in
                        await Task.yield()
                        return "received \(number)"
                    }
                    Case.send("word", to: words) { "sent" }
                }
            })
    }

    @Test(arguments: WaiterKind.pairs)
    func `a select that waits goes on with the first that comes, by one case only`(
        _ selector: WaiterKind, _ other: WaiterKind
    ) async throws {
        let (numbers, words) = (Channel<Int>(), Channel<String>())
        for receives in [true, false] {
            let selecting = start(selector, numbers, words)
            try await selecting.untilParked()
            let otherSide = other.start(
                {
                    if receives { try numbers.send(1) } else { _ = try words.receive() }
                },
                task: {
                    if receives { try await numbers.send(1) } else { _ = try await words.receive() }
                })
            try await otherSide.value()
            #expect(try await selecting.value() == (receives ? "received 1" : "sent"))
            // The other case is not there any more.
            #expect(try words.tryReceive() == nil)
            #expect(try !numbers.trySend(2))
        }
    }

    @Test(arguments: WaiterKind.pairs)
    func `two selects find each other`(
        _ first: WaiterKind, _ second: WaiterKind
    ) async throws {
        let (numbers, words) = (Channel<Int>(), Channel<String>())
        for sends in [true, false] {
            let waiting = start(first, numbers, words)
            try await waiting.untilParked()
            let unused = Channel<Int>()
            let coming = second.start(
                {
                    try select {
                        Case.send(5, to: sends ? numbers : nil) { "sent" }
                        Case.receive(from: sends ? nil : words) { word in word }
                        Case.receive(from: unused) { "\($0)" }
                    }
                },
                task: {
                    try await select {
                        Case.send(5, to: sends ? numbers : nil) { "sent" }
                        Case.receive(from: sends ? nil : words) { word in word }
                        Case.receive(from: unused) { "\($0)" }
                    }
                })
            #expect(try await coming.value() == (sends ? "sent" : "word"))
            #expect(try await waiting.value() == (sends ? "received 5" : "sent"))
            #expect(try !unused.trySend(1))
        }
    }

    @Test(arguments: WaiterKind.pairs)
    func `a cancelled select takes and gives nothing: the next in line is served`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let (numbers, words) = (Channel<Int>(), Channel<String>())
        let first = start(cancelled, numbers, words)
        try await first.untilParked()
        let second = patient.start(
            { try numbers.receive() }, task: { try await numbers.receive() })
        try await second.untilParked()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value() }
        #expect(try numbers.trySend(7))
        #expect(try await second.value() == 7)
        #expect(try words.tryReceive() == nil)
    }

    @Test(arguments: WaiterKind.allCases)
    func `selects and receivers are served in the order in which they came`(
        _ kind: WaiterKind
    ) async throws {
        let (numbers, words) = (Channel<Int>(), Channel<String>())
        let first = start(kind, numbers, words)
        try await first.untilParked()
        let second = kind.start({ try numbers.receive() }, task: { try await numbers.receive() })
        try await second.untilParked()
        let third = start(kind, numbers, words)
        try await third.untilParked()
        for item in 1...3 { #expect(try numbers.trySend(item)) }
        #expect(try await first.value() == "received 1")
        #expect(try await second.value() == 2)
        #expect(try await third.value() == "received 3")
    }
}
