import PlaitParking
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Strands of all kinds under one interpreter lock: they check, let others in, and give up.
    @Suite(.serialized)
    struct InterpreterLockRaces {
        private final class Engine: @unchecked Sendable {
            // Sendable: `lock` guards `depth` and `steps`.
            let lock: InterpreterLock
            var depth = 0
            var steps = 0
            let (taken, givenUp) = (Count(), Count())

            init(_ policy: InterpreterLockPolicy) { lock = InterpreterLock(policy) }

            /// What only one may do at a time.
            func step() {
                depth += 1
                if depth != 1 { Issue.record("\(depth) run the engine") }
                steps += 1
                depth -= 1
            }

            func run(_ number: Int, rounds: Int) throws {
                for round in number..<(number + rounds) {
                    let limit = round % 3 == 0 ? Stress.limit(round / 3) : nil
                    guard try lock.acquire(within: limit) else {
                        givenUp.add()
                        continue
                    }
                    for _ in 0..<(round % 40) {
                        step()
                        lock.check()
                    }
                    if round % 5 == 0 { lock.allowThreads { Stress.pause() } }
                    step()
                    lock.release()
                    taken.add()
                }
            }

            func run(_ number: Int, rounds: Int) async throws {
                for round in number..<(number + rounds) {
                    let limit = round % 3 == 0 ? Stress.limit(round / 3) : nil
                    guard try await lock.acquire(within: limit) else {
                        givenUp.add()
                        continue
                    }
                    for _ in 0..<(round % 40) {
                        step()
                        await lock.check()
                    }
                    if round % 5 == 0 { await lock.allowThreads { await Stress.pause() } }
                    step()
                    lock.release()
                    taken.add()
                }
            }

            /// Steps of a strand's rounds that were not given up are at least one a round.
            func expectRest(_ rounds: Int) {
                #expect(taken.value + givenUp.value == rounds)
                #expect(steps >= taken.value)
                #expect(!lock.isLocked)
                #expect(lock.waiterCount == 0)
            }
        }

        private static let policies: [InterpreterLockPolicy] = [
            .interval(.nanoseconds(1)), .interval(.microseconds(20)), .interval(.microseconds(200)),
            .ticks(every: 1), .ticks(every: 7),
        ]

        @Test(arguments: policies)
        func `one at a time runs the engine and all come to their end`(
            _ policy: InterpreterLockPolicy
        ) async throws {
            let engine = Engine(policy)
            let rounds = Stress.rounds(6_000)
            let kinds = WaiterKind.allCases + WaiterKind.allCases
            let strands = kinds.enumerated().map { number, kind in
                kind.start(
                    usesPool: true, { try engine.run(number, rounds: rounds) },
                    task: { try await engine.run(number, rounds: rounds) })
            }
            for strand in strands { try await strand.value() }
            engine.expectRest(kinds.count * rounds)
        }

        @Test func `the policy may change at any time`() async throws {
            let engine = Engine(.interval())
            let rounds = Stress.rounds(6_000)
            let isDone = Box(false)
            let changer = WaiterKind.thread.start(
                {
                    var turn = 0
                    while !isDone.value {
                        engine.lock.policy = Self.policies[turn % Self.policies.count]
                        turn += 1
                        try Strand.sleep(for: .microseconds(50))
                    }
                }, task: {})
            let strands = WaiterKind.allCases.enumerated().map { number, kind in
                kind.start(
                    usesPool: true, { try engine.run(number, rounds: rounds) },
                    task: { try await engine.run(number, rounds: rounds) })
            }
            for strand in strands { try await strand.value() }
            isDone.set(true)
            try await changer.value()
            engine.expectRest(WaiterKind.allCases.count * rounds)
        }

        /// Contract, row 1: the lock that is handed to one who is just being cancelled, or wakes
        /// it, goes to the next. The other waits for ever, and nobody else comes along.
        @Test(arguments: WaiterKind.pairs)
        func `who is cancelled when it is handed over takes it or leaves it to the next`(
            _ kinds: (WaiterKind, WaiterKind)
        ) async throws {
            let lock = InterpreterLock(.interval(.microseconds(20)))
            let isDone = Box(false)
            let (taken, passed) = (Count(), Count())
            let rounds = Stress.rounds(5_000)
            let hog = WaiterKind.thread.start(
                {
                    try lock.acquire()
                    var round = 0
                    while !isDone.value {
                        lock.check()
                        round += 1
                        if round % 1_000 == 0 { lock.allowThreads { Stress.dawdle(round / 1_000) } }
                    }
                    lock.release()
                }, task: {})
            let victim = Victim(kinds.0)
            let canceller = WaiterKind.thread.start(
                {
                    var round = 0
                    while !isDone.value {
                        for _ in 0..<50 { Stress.dawdle(round) }
                        victim.cancel()
                        round += 1
                    }
                }, task: {})
            let patient = kinds.1.start(
                usesPool: true,
                {
                    for _ in 0..<rounds { lock.withLock { passed.add() } }
                    isDone.set(true)
                },
                task: {
                    for _ in 0..<rounds { try await lock.withLock { passed.add() } }
                    isDone.set(true)
                })
            try await victim.run(until: { _ in isDone.value }) {
                do {
                    try lock.acquire()
                    taken.add()
                    lock.release()
                } catch {}
            } task: {
                do {
                    try await lock.acquire()
                    taken.add()
                    lock.release()
                } catch {}
            }
            try await patient.value()
            try await hog.value()
            try await canceller.value()
            #expect(passed.value == rounds)
            #expect(!lock.isLocked)
            #expect(lock.waiterCount == 0)
        }
    }
}
