import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Selects of all kinds over three channels that time out and are cancelled: each item is
    /// received once, or stays with its sender.
    @Suite(.serialized)
    struct SelectRaces {
        private let kinds = (0..<2).flatMap { _ in WaiterKind.allCases }

        /// What the strands of one race share.
        private final class Race: Sendable {
            /// Two rendezvous, and one that stores.
            let channels = (Channel<Int>(), Channel<Int>(), Channel<Int>(capacity: 2))
            /// Numbers the items: each is sent at most once.
            let items = Box(0)
            let (sentCount, sentSum) = (Count(), Count())
            let (receivedCount, receivedSum) = (Count(), Count())
            let (unsent, stopped) = (Count(), Count())

            func sent(_ item: Int) {
                sentCount.add()
                sentSum.add(item)
            }

            func received(_ item: Int) {
                receivedCount.add()
                receivedSum.add(item)
            }

            /// One that sends on one channel, and receives from the others.
            func step(_ number: Int, _ limit: Duration?) throws {
                let item = items.update { last in
                    last += 1
                    return last
                }
                let (a, b, c) = turned(number)
                do {
                    try select(within: limit) {
                        Case.send(item, to: a) { self.sent(item) }
                        Case.receive(from: b) { self.received($0) }
                        Case.receive(from: c) { self.received($0) }
                    }
                } catch { unsent.add() }
            }

            func step(_ number: Int, _ limit: Duration?) async throws {
                let item = items.update { last in
                    last += 1
                    return last
                }
                let (a, b, c) = turned(number)
                do {
                    try await select(within: limit) {
                        Case.send(item, to: a) { self.sent(item) }
                        Case.receive(from: b) { self.received($0) }
                        Case.receive(from: c) { self.received($0) }
                    }
                } catch { unsent.add() }
            }

            private func turned(_ number: Int) -> (Channel<Int>, Channel<Int>, Channel<Int>) {
                let (a, b, c) = channels
                return [(a, b, c), (b, c, a), (c, a, b)][number % 3]
            }

            /// Takes what is stored, and holds the accounts.
            func check() throws {
                let (a, b, c) = channels
                while let item = try c.tryReceive() { received(item) }
                // Nobody was left in a queue.
                for channel in [a, b, c] { #expect(try channel.tryReceive() == nil) }
                for channel in [a, b] { #expect(try !channel.trySend(0)) }
                #expect(sentCount.value == receivedCount.value)
                #expect(sentSum.value == receivedSum.value)
                #expect(sentCount.value > 0)
            }
        }

        @Test func `selects that time out lose no item and pass none twice`() async throws {
            let race = Race()
            let rounds = Stress.rounds(12_000)
            let strands = kinds.enumerated().map { number, kind in
                kind.start(
                    usesPool: true,
                    {
                        for round in 0..<rounds {
                            try race.step(number + round, Stress.limit(number + round))
                        }
                    },
                    task: {
                        for round in 0..<rounds {
                            try await race.step(number + round, Stress.limit(number + round))
                        }
                    })
            }
            for strand in strands { try await strand.value() }
            try race.check()
            #expect(race.unsent.value > 0)
        }

        @Test func `selects that are cancelled lose no item and pass none twice`() async throws {
            let race = Race()
            let rounds = Stress.rounds(12_000)
            let victims = kinds.map { Victim($0) }
            let canceller = WaiterKind.thread.start(
                {
                    for round in 0..<rounds {
                        victims[round % victims.count].cancel()
                        Stress.dawdle(round)
                        if round % 4 == 0 { Stress.pause() }
                    }
                    race.stopped.add()
                }, task: {})
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, victim) in victims.enumerated() {
                    group.addTask {
                        // A limit ends the last one, for whom nobody is left.
                        try await victim.run(until: { _ in race.stopped.value > 0 }) {
                            try race.step(number + victim.begun.value, .milliseconds(5))
                        } task: {
                            try await race.step(number + victim.begun.value, .milliseconds(5))
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await canceller.value()
            try race.check()
        }

        @Test(arguments: WaiterKind.pairs)
        func `an item for a select that just gave up goes to the next receiver`(
            _ kinds: (WaiterKind, WaiterKind)
        ) async throws {
            let (channel, other) = (Channel<Int>(), Channel<Int>())
            let rounds = Stress.rounds(10_000)
            let (count, sum) = (Count(), Count())
            let impatient = kinds.0.start(
                usesPool: true,
                {
                    var round = 0
                    while true {
                        round += 1
                        let isOver = try select(within: Stress.limit(round)) {
                            Case.receive(from: channel) { item in
                                count.add()
                                sum.add(item)
                                return false
                            } onClose: {
                                true
                            }
                            Case.receive(from: other) { _ in false }
                        } orElse: {
                            false
                        }
                        if isOver { return }
                        if round % 16 == 0 { Stress.pause() }
                    }
                },
                task: {
                    var round = 0
                    while true {
                        round += 1
                        let isOver = try await select(within: Stress.limit(round)) {
                            Case.receive(from: channel) { item in
                                count.add()
                                sum.add(item)
                                return false
                            } onClose: {
                                true
                            }
                            Case.receive(from: other) { _ in false }
                        } orElse: {
                            false
                        }
                        if isOver { return }
                        if round % 16 == 0 { await Stress.pause() }
                    }
                })
            let patient = kinds.1.start(
                usesPool: true,
                {
                    for item in channel {
                        count.add()
                        sum.add(item)
                    }
                },
                task: {
                    for try await item in channel {
                        count.add()
                        sum.add(item)
                    }
                })
            let sender = WaiterKind.thread.start(
                {
                    for item in 1...rounds {
                        try channel.send(item)
                        Stress.dawdle(item)
                    }
                    channel.close()
                }, task: {})
            try await sender.value()
            try await impatient.value()
            try await patient.value()
            #expect(count.value == rounds)
            #expect(sum.value == rounds * (rounds + 1) / 2)
        }
    }
}
