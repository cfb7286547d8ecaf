import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct ChannelTests {
    @Test func `a negative capacity traps`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            _ = Channel<Int>(capacity: -1)
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains("a Channel needs a capacity of at least 0, not -1"))
    }

    @Test func `items come out in the order in which they went in, within the capacity`() throws {
        let channel = Channel<Int>(capacity: 3)
        #expect(channel.capacity == 3 && channel.isEmpty && !channel.isFull)
        #expect(try channel.tryReceive() == nil)
        for item in 1...3 { #expect(try channel.trySend(item)) }
        #expect(channel.count == 3 && channel.isFull && !channel.isEmpty)
        #expect(try !channel.trySend(4))
        for item in 1...3 { #expect(try channel.tryReceive() == item) }
        #expect(channel.isEmpty)
    }

    // GV-077
    @Test(arguments: WaiterKind.allCases)
    func `a try takes from a sender that waits, in a channel that is empty and full at once`(
        _ kind: WaiterKind
    ) async throws {
        let channel = Channel<Int>()
        #expect(channel.isEmpty && channel.isFull && channel.count == 0 && channel.capacity == 0)
        let sending = kind.start({ try channel.send(7) }, task: { try await channel.send(7) })
        try await sending.untilParked()
        #expect(channel.isEmpty && channel.isFull && channel.count == 0)
        #expect(try channel.tryReceive() == 7)
        try await sending.value()
        #expect(try channel.tryReceive() == nil)
        #expect(channel.isEmpty && channel.isFull)
    }

    // GV-064
    @Test func `in a callback of a hub, a try sends if there is place: without capacity, never`()
        async throws
    {
        let (channel, stored) = (Channel<Int>(), Channel<Int>(capacity: 1))
        let results = await SharedHubs.first.answer {
            [channel, channel, stored, stored].map { try? $0.trySend(1) }
        }
        #expect(results == [false, false, true, false])
        #expect(try channel.tryReceive() == nil)
        #expect(try stored.tryReceive() == 1)
    }

    // GV-064
    @Test(arguments: WaiterKind.allCases)
    func `a try gives to a receiver that waits, once`(_ kind: WaiterKind) async throws {
        let channel = Channel<Int>()
        let receiving = kind.start({ try channel.receive() }, task: { try await channel.receive() })
        try await receiving.untilParked()
        #expect(try channel.trySend(1))
        #expect(try !channel.trySend(2))
        #expect(try await receiving.value() == 1)
    }

    // EV-028
    @Test(arguments: StrandKind.allCases, [0, 1])
    func `past the limit, a send has left nothing and a receive has taken nothing`(
        _ kind: StrandKind, _ capacity: Int
    ) async throws {
        let channel = Channel<Int>(capacity: capacity)
        try await onStrand(kind) { () throws in
            for limit in [Duration.zero, .milliseconds(1)] {
                #expect(throws: TimedOut.self) { try channel.receive(within: limit) }
                for item in 0..<capacity { #expect(try channel.send(item, within: limit)) }
                #expect(try !channel.send(9, within: limit))
                for item in 0..<capacity {
                    #expect(try channel.receive(within: limit) == item)
                }
                #expect(try channel.tryReceive() == nil)
            }
        }
    }

    // EV-028
    @Test func `past the limit, a task's send has left nothing`() async throws {
        let channel = Channel<Int>()
        for limit in [Duration.zero, .milliseconds(1)] {
            #expect(try await !channel.send(1, within: limit))
            await #expect(throws: TimedOut.self) {
                try await channel.receive(within: limit)
            }
            #expect(try channel.tryReceive() == nil)
        }
    }

    // GV-079
    @Test func `a sender goes on once its item is taken, before the receiver's next one`()
        async throws
    {
        let events = try await onThread {
            let (channel, events) = (Channel<String>(), Box<[String]>([]))
            let receiver = spawn(.fiber) {
                for _ in 0..<2 {
                    let item = try channel.receive()
                    events.update { $0.append("received \(item)") }
                }
            }
            let sender = spawn(.fiber) {
                // The receiver is first: it waits.
                for item in ["hello", "world"] {
                    events.update { $0.append("sending \(item)") }
                    try channel.send(item)
                    events.update { $0.append("sent \(item)") }
                }
            }
            try receiver.join()
            try sender.join()
            return events.value
        }
        // A sender that finds a receiver goes on at once; with none it waits for the next.
        #expect(
            events == [
                "sending hello", "sent hello", "sending world", "received hello",
                "received world", "sent world",
            ])
    }

    // GV-080, EV-027
    @Test func `a sender without a receiver does not go on before its item is taken`() async throws
    {
        let events = try await onThread {
            let (channel, events) = (Channel<String>(), Box<[String]>([]))
            let sender = spawn(.fiber) {
                for item in ["hello", "world"] {
                    events.update { $0.append("sending \(item)") }
                    try channel.send(item)
                }
                events.update { $0.append("sent world") }
            }
            // The root waits first: the sender is second.
            events.update { $0.append("waiting") }
            for _ in 0..<2 {
                let item = try channel.receive()
                events.update { $0.append("received \(item)") }
            }
            #expect(events.value.last == "received world")
            try sender.join()
            return events.value
        }
        #expect(
            events == [
                "waiting", "sending hello", "sending world", "received hello", "received world",
                "sent world",
            ])
    }

    @Test func `receivers, and senders, are served in the order in which they came`() async throws {
        let channel = Channel<Int>()
        let kinds = WaiterKind.allCases + WaiterKind.allCases
        var receivers: [Started<Int>] = []
        for kind in kinds {
            let receiver = kind.start(
                { try channel.receive() }, task: { try await channel.receive() })
            receivers.append(receiver)
            try await receiver.untilParked()
        }
        for item in kinds.indices { #expect(try channel.trySend(item)) }
        for (item, receiver) in receivers.enumerated() {
            #expect(try await receiver.value() == item)
        }
        var senders: [Started<Void>] = []
        for (item, kind) in kinds.enumerated() {
            let sender = kind.start(
                { try channel.send(item) }, task: { try await channel.send(item) })
            senders.append(sender)
            try await sender.untilParked()
        }
        for item in kinds.indices { #expect(try channel.tryReceive() == item) }
        for sender in senders { try await sender.value() }
    }

    @Test func `after a close, receivers drain what is stored, and nothing can be sent`()
        async throws
    {
        let channel = Channel<Int>(capacity: 2)
        try await channel.send(1)
        try await channel.send(2)
        #expect(!channel.isClosed)
        channel.close()
        channel.close()
        #expect(channel.isClosed && channel.count == 2)
        await #expect(throws: ChannelError.closed) { try await channel.send(3) }
        #expect(throws: ChannelError.closed) { try channel.trySend(3) }
        try await onThread { () throws in
            #expect(throws: ChannelError.closed) { try channel.send(3) }
            #expect(try channel.receive() == 1)
        }
        #expect(try await channel.receive() == 2)
        #expect(throws: ChannelError.closed) { try channel.tryReceive() }
        await #expect(throws: ChannelError.closed) { try await channel.receive() }
        #expect(try await channel.next() == nil)
        try await onThread { () throws in
            #expect(throws: ChannelError.closed) { try channel.receive() }
            #expect(try channel.next() == nil)
        }
    }

    // GV-081
    @Test(arguments: StrandKind.allCases, [0, 2])
    func `a loop over a channel ends when it is closed and drained`(
        _ kind: StrandKind, _ capacity: Int
    ) async throws {
        let channel = Channel<Int>(capacity: capacity)
        let kindOfWaiter: WaiterKind = kind == .thread ? .thread : .fiber
        let looping = kindOfWaiter.start(
            {
                var items: [Int] = []
                for item in channel { items.append(item) }
                return items
            }, task: { [Int]() })
        for item in 0..<10 { try await channel.send(item) }
        channel.close()
        #expect(try await looping.value() == Array(0..<10))
    }

    // GV-081
    @Test func `a task's loop over a channel ends when it is closed and drained`() async throws {
        let channel = Channel<Int>()
        let sending = WaiterKind.fiber.start(
            {
                for item in 0..<10 { try channel.send(item) }
                channel.close()
            }, task: {})
        var items: [Int] = []
        for try await item in channel { items.append(item) }
        #expect(items == Array(0..<10))
        try await sending.value()
    }

    @Test(arguments: WaiterKind.allCases)
    func `a cancellation ends a loop: next() and a task's loop throw it, another loop just ends`(
        _ kind: WaiterKind
    ) async throws {
        let channel = Channel<Int>()
        let plain = kind.start(
            { for _ in channel {} }, task: { for try await _ in channel {} })
        let throwing = kind.start(
            { while try channel.next() != nil {} },
            task: { while try await channel.next() != nil {} }
        )
        try await plain.untilParked()
        try await throwing.untilParked()
        plain.cancel()
        throwing.cancel()
        if kind == .task {
            await #expect(throws: CancellationError.self) { try await plain.value() }
        } else {
            try await plain.value()
        }
        await #expect(throws: CancellationError.self) { try await throwing.value() }
        #expect(try !channel.trySend(1))
    }

    @Test func `nil is an item like any other`() async throws {
        let channel = Channel<Int?>()
        for kind in WaiterKind.allCases {
            let receiver = kind.start(
                { try channel.receive() }, task: { try await channel.receive() })
            try await receiver.untilParked()
            #expect(try channel.trySend(nil))
            #expect(try await receiver.value() == nil)
            let sender = kind.start(
                { try channel.send(nil) }, task: { try await channel.send(nil) })
            try await sender.untilParked()
            #expect(try channel.tryReceive() == .some(nil))
            try await sender.value()
        }
        #expect(try channel.tryReceive() == nil)
    }

    @Test func `an item ends once: with its channel, its refusal, or its receiver`() throws {
        final class Item: Sendable {
            let ended: Box<Int>
            init(_ ended: Box<Int>) { self.ended = ended }
            deinit { ended.update { $0 += 1 } }
        }
        let ended = Box(0)
        do {
            let channel = Channel<Item>(capacity: 2)
            _ = try channel.trySend(Item(ended))
            _ = try channel.trySend(Item(ended))
            #expect(try !channel.trySend(Item(ended)))
            #expect(ended.value == 1)
            _ = try channel.tryReceive()
            #expect(ended.value == 2)
            channel.close()
            #expect(throws: ChannelError.closed) { try channel.trySend(Item(ended)) }
            #expect(ended.value == 3)
        }
        #expect(ended.value == 4)
    }

    // EV-031
    @Test func `receivers killed while others try to send lose no item`() async throws {
        let (channel, received) = (Channel<Int>(), Box<[Int]>([]))
        let sent = try await onThread {
            let receivers = (0..<10).map { _ in
                spawn(.fiber) {
                    let item = try channel.receive()
                    received.update { $0.append(item) }
                }
            }
            while receivers.contains(where: { $0.strand.currentWait == nil }) { Strand.yield() }
            var sent: [Int] = []
            for item in 0..<10 {
                // Every third is killed right before, every third right after an item may be its.
                if item % 3 == 0 { receivers[item].cancel() }
                if try channel.trySend(item) { sent.append(item) }
                if item % 3 == 1 { receivers[item].cancel() }
            }
            for receiver in receivers { _ = try? receiver.join() }
            return sent
        }
        #expect(received.value == sent)
        #expect(!sent.isEmpty)
        #expect(try !channel.trySend(99))
        #expect(try channel.tryReceive() == nil)
    }

    @Test func `an error says what happened`() {
        #expect(ChannelError.closed.description == "the channel is closed")
    }
}
