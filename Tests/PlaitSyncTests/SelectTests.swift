// Glibc has a function of this name, Foundation brings it along: it must not be in the way.
import Foundation
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct SelectTests {
    @Test func `the ready case happens, and its handler's value is the select's`() async throws {
        let (numbers, words) = (Channel<Int>(capacity: 1), Channel<String>(capacity: 1))
        try await onThread { () throws in
            _ = try numbers.trySend(7)
            let first = try select {
                Case.receive(from: numbers) { number in "number \(number)" }
                Case.receive(from: words) { word in "word \(word)" }
            }
            #expect(first == "number 7")
            let second = try select {
                Case.receive(from: numbers) { number in "number \(number)" }
                Case.send("x", to: words) { "sent" }
            }
            #expect(second == "sent")
            #expect(try words.tryReceive() == "x")
        }
    }

    @Test func `without handlers, the item received is the value`() async throws {
        let (left, right) = (Channel<Int>(), Channel<Int>(capacity: 1))
        _ = try right.trySend(3)
        try await onThread { () throws in
            let item = try select {
                Case.receive(from: left)
                Case.receive(from: right)
            }
            #expect(item == 3)
            try select {
                Case.send(4, to: left)
                Case.send(5, to: right)
            }
            #expect(try right.tryReceive() == 5)
        }
    }

    @Test func `a task's handlers may wait`() async throws {
        let (channel, answers) = (Channel<Int>(capacity: 1), Channel<Int>(capacity: 1))
        _ = try channel.trySend(20)
        let value = try await select {
            Case.receive(from: channel) { item in
                try await answers.send(item + 1)
                return try await answers.receive()
            }
            Case.receive(from: answers) { item in item }
        }
        #expect(value == 21)
        try await select {
            Case.receive(from: channel) { _ in }
            Case.send(1, to: answers) { await Task.yield() }
        }
        #expect(answers.count == 1)
    }

    @Test func `a default is taken when nothing is ready, and only then`() async throws {
        let channel = Channel<Int>(capacity: 1)
        try await onThread { () throws in
            for expected in ["nothing", "received 1"] {
                let outcome = try select {
                    Case.receive(from: channel) { "received \($0)" }
                } orElse: {
                    "nothing"
                }
                #expect(outcome == expected)
                _ = try channel.trySend(1)
            }
        }
        let outcome = try await select {
            Case.send(2, to: channel) { "sent" }
            Case.send(3, to: channel) { "sent" }
        } orElse: {
            await Task.yield()
            return "full"
        }
        #expect(outcome == "full")
        #expect(channel.count == 1)
    }

    @Test(arguments: WaiterKind.allCases)
    func `past the limit, it throws or takes the default, and leaves nothing behind`(
        _ kind: WaiterKind
    ) async throws {
        let (left, right) = (Channel<Int>(), Channel<String>())
        for limit in [Duration.zero, .milliseconds(1)] {
            let throwing = kind.start(
                {
                    try select(within: limit) {
                        Case.receive(from: left) { _ in }
                        Case.send("x", to: right)
                    }
                },
                task: {
                    try await select(within: limit) {
                        Case.receive(from: left) { _ in }
                        Case.send("x", to: right)
                    }
                })
            await #expect(throws: TimedOut.self) { try await throwing.value() }
            let defaulting = kind.start(
                {
                    try select(within: limit) {
                        Case.receive(from: left)
                    } orElse: {
                        -1
                    }
                },
                task: {
                    try await select(within: limit) {
                        Case.receive(from: left)
                    } orElse: {
                        -1
                    }
                })
            #expect(try await defaulting.value() == -1)
        }
        #expect(try !left.trySend(1))
        #expect(try right.tryReceive() == nil)
    }

    @Test func `without cases it waits for the limit, and traps without one`() async throws {
        try await onThread { () throws in
            #expect(throws: TimedOut.self) { try select(within: .milliseconds(1)) {} }
            let none: Channel<Int>? = nil
            let value = try select {
                Case.receive(from: none)
            } orElse: {
                -1
            }
            #expect(value == -1)
        }
        await #expect(throws: TimedOut.self) {
            try await select(within: .milliseconds(1)) {}
        }
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread { try select {} }
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains("a select without a case and without a limit would wait for ever"))
    }

    @Test func `a case without a channel is never ready`() async throws {
        let channel = Channel<Int>(capacity: 1)
        _ = try channel.trySend(1)
        try await onThread { () throws in
            for isOpen in [false, true, false] {
                let value = try select {
                    Case.receive(from: isOpen ? channel : nil)
                } orElse: {
                    -1
                }
                #expect(value == (isOpen ? 1 : -1))
            }
        }
    }

    @Test func `a closed and drained channel is ready: its case says so or the select throws`()
        async throws
    {
        let (open, closed) = (Channel<Int>(), Channel<Int>(capacity: 1))
        _ = try closed.trySend(1)
        closed.close()
        try await onThread { () throws in
            // What is stored comes first.
            for expected in ["1", "closed", "closed"] {
                let outcome = try select {
                    Case.receive(from: open) { "\($0)" }
                    Case.receive(from: closed) {
                        "\($0)"
                    } onClose: {
                        "closed"
                    }
                }
                #expect(outcome == expected)
            }
            #expect(throws: ChannelError.closed) {
                try select {
                    Case.receive(from: open)
                    Case.receive(from: closed)
                }
            }
            #expect(throws: ChannelError.closed) { try select { Case.send(1, to: closed) } }
            let outcome = try select {
                Case.send(1, to: closed) {
                    "sent"
                } onClose: {
                    "closed"
                }
            } orElse: {
                "nothing"
            }
            #expect(outcome == "closed")
        }
    }

    @Test(arguments: WaiterKind.allCases)
    func `a close ends a select that waits, by the case of that channel`(
        _ kind: WaiterKind
    ) async throws {
        let (first, second) = (Channel<Int>(), Channel<Int>())
        let selecting = kind.start(
            {
                try select {
                    Case.receive(from: first) { _ in
                        "first"
                    } onClose: {
                        "first closed"
                    }
                    Case.send(1, to: second) {
                        "second"
                    } onClose: {
                        "second closed"
                    }
                }
            },
            task: {
                try await select {
                    Case.receive(from: first) { _ in
                        "first"
                    } onClose: {
                        "first closed"
                    }
                    Case.send(1, to: second) {
                        "second"
                    } onClose: {
                        "second closed"
                    }
                }
            })
        try await selecting.untilParked()
        second.close()
        #expect(try await selecting.value() == "second closed")
        #expect(throws: ChannelError.closed) { try second.tryReceive() }
        #expect(try !first.trySend(1))
    }

    @Test(arguments: WaiterKind.allCases)
    func `a channel twice in one select does not match itself, and serves others both ways`(
        _ kind: WaiterKind
    ) async throws {
        let channel = Channel<Int>()
        for sends in [true, false] {
            let selecting = kind.start(
                {
                    try select {
                        Case.send(1, to: channel) { "sent" }
                        Case.receive(from: channel) { "received \($0)" }
                    }
                },
                task: {
                    try await select {
                        Case.send(1, to: channel) { "sent" }
                        Case.receive(from: channel) { "received \($0)" }
                    }
                })
            try await selecting.untilParked()
            if sends {
                #expect(try channel.trySend(2))
                #expect(try await selecting.value() == "received 2")
            } else {
                #expect(try channel.tryReceive() == 1)
                #expect(try await selecting.value() == "sent")
            }
            #expect(try channel.tryReceive() == nil)
            #expect(try !channel.trySend(3))
        }
    }

    @Test func `of the cases that are always ready, each has its share`() async throws {
        let channels = (0..<4).map { _ in Channel<Int>(capacity: 1) }
        for (index, channel) in channels.enumerated() { _ = try channel.trySend(index) }
        let counts = try await onThread {
            var counts = [0, 0, 0, 0]
            for _ in 0..<4_000 {
                let index = try select {
                    Case.receive(from: channels[0])
                    Case.receive(from: channels[1])
                    Case.receive(from: channels[2])
                    Case.receive(from: channels[3])
                }
                counts[index] += 1
                _ = try channels[index].trySend(index)
            }
            return counts
        }
        // 1,000 are expected, with a deviation of 27.
        for count in counts { #expect(count > 600 && count < 1_400, "\(counts)") }
    }

    @Test func `a select shows as the wait of its strand`() async throws {
        let channel = Channel<Int>()
        try await onThread { () throws in
            let selecting = spawn(.fiber) { try select { Case.receive(from: channel) } }
            while selecting.strand.currentWait == nil { Strand.yield() }
            #expect(selecting.strand.currentWait?.verb == "select")
            #expect(try channel.trySend(1))
            #expect(try selecting.join() == 1)
            #expect(selecting.strand.currentWait == nil)
        }
    }

    @Test func `what is not sent ends with the select, what is sent with its receiver`()
        async throws
    {
        final class Item: Sendable {
            let ended: Box<Int>
            init(_ ended: Box<Int>) { self.ended = ended }
            deinit { ended.update { $0 += 1 } }
        }
        let ended = Box(0)
        let (full, free) = (Channel<Item>(), Channel<Item>(capacity: 1))
        try await onThread { () throws in
            try select {
                Case.send(Item(ended), to: full)
                Case.send(Item(ended), to: free)
            }
            #expect(ended.value == 1)
            #expect(throws: TimedOut.self) {
                try select(within: .zero) { Case.send(Item(ended), to: full) }
            }
            #expect(ended.value == 2)
            try select {
                // It is the handler's alone.
                Case.receive(from: free) { item in #expect(item.ended.value == 2) }
            }
            #expect(ended.value == 3)
        }
    }
}
