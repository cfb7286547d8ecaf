import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct ChannelConformance {
    // GV-078
    @Test(arguments: WaiterKind.pairs)
    func `a sender waits until a receiver comes`(
        _ sender: WaiterKind, _ receiver: WaiterKind
    ) async throws {
        let channel = Channel<String>()
        let isSent = Event()
        let sending = sender.start(
            {
                try channel.send("item")
                isSent.set()
            },
            task: {
                try await channel.send("item")
                isSent.set()
            })
        try await sending.untilParked()
        #expect(!isSent.isSet)
        let receiving = receiver.start(
            { try channel.receive() }, task: { try await channel.receive() })
        #expect(try await receiving.value() == "item")
        try await sending.value()
        #expect(isSent.isSet)
    }

    // GV-079
    @Test(arguments: WaiterKind.pairs)
    func `a receiver that waits is handed what another sends`(
        _ sender: WaiterKind, _ receiver: WaiterKind
    ) async throws {
        let channel = Channel<String>()
        let receiving = receiver.start(
            { try channel.receive() }, task: { try await channel.receive() })
        try await receiving.untilParked()
        let sending = sender.start(
            { try channel.send("item", within: .zero) },
            task: { try await channel.send("item", within: .zero) })
        #expect(try await sending.value())
        #expect(try await receiving.value() == "item")
        #expect(try !channel.trySend("more"))
    }

    // GV-080, EV-027
    @Test(arguments: WaiterKind.pairs, [0, 1, 3])
    func `items keep their order through a channel`(
        _ kinds: (WaiterKind, WaiterKind), _ capacity: Int
    ) async throws {
        let channel = Channel<Int>(capacity: capacity)
        let sending = kinds.0.start(
            {
                for item in 0..<100 { try channel.send(item) }
                channel.close()
            },
            task: {
                for item in 0..<100 { try await channel.send(item) }
                channel.close()
            })
        let receiving = kinds.1.start(
            {
                var items: [Int] = []
                for item in channel { items.append(item) }
                return items
            },
            task: {
                var items: [Int] = []
                for try await item in channel { items.append(item) }
                return items
            })
        try await sending.value()
        #expect(try await receiving.value() == Array(0..<100))
    }

    @Test(arguments: WaiterKind.pairs)
    func `a cancelled receiver does not swallow the next item`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let channel = Channel<Int>()
        let first = cancelled.start(
            { try channel.receive() }, task: { try await channel.receive() })
        try await first.untilParked()
        let second = patient.start(
            { try channel.receive() }, task: { try await channel.receive() })
        try await second.untilParked()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value() }
        #expect(try await channel.send(7, within: .zero))
        #expect(try await second.value() == 7)
    }

    @Test(arguments: WaiterKind.pairs)
    func `a cancelled sender's item is not received, the next one's is`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let channel = Channel<Int>()
        let first = cancelled.start({ try channel.send(1) }, task: { try await channel.send(1) })
        try await first.untilParked()
        let second = patient.start({ try channel.send(2) }, task: { try await channel.send(2) })
        try await second.untilParked()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value() }
        #expect(try channel.tryReceive() == 2)
        try await second.value()
        #expect(try channel.tryReceive() == nil)
    }

    // EV-028
    @Test(arguments: WaiterKind.allCases)
    func `a sender that timed out leaves nothing`(_ kind: WaiterKind) async throws {
        let channel = Channel<Int>()
        let sending = kind.start(
            { try channel.send(1, within: .milliseconds(1)) },
            task: { try await channel.send(1, within: .milliseconds(1)) })
        #expect(try await !sending.value())
        #expect(try channel.tryReceive() == nil)
    }

    @Test(arguments: WaiterKind.pairs)
    func `a close ends the waits of receivers, and of senders with their items not sent`(
        _ closer: WaiterKind, _ waiter: WaiterKind
    ) async throws {
        let (empty, full) = (Channel<Int>(), Channel<Int>(capacity: 1))
        try await full.send(1)
        let receiving = waiter.start(
            { try empty.receive() }, task: { try await empty.receive() })
        let sending = waiter.start({ try full.send(2) }, task: { try await full.send(2) })
        try await receiving.untilParked()
        try await sending.untilParked()
        let closing = closer.start(
            {
                empty.close()
                full.close()
            },
            task: {
                empty.close()
                full.close()
            })
        try await closing.value()
        await #expect(throws: ChannelError.closed) { try await receiving.value() }
        await #expect(throws: ChannelError.closed) { try await sending.value() }
        #expect(try full.tryReceive() == 1)
        #expect(throws: ChannelError.closed) { try full.tryReceive() }
    }
}
