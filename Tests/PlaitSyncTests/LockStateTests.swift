import PlaitParking
@testable import PlaitSync
import Testing
import TestSupport

/// Every interleaving of three strands on one lock, step by atomic step, as `Lock` takes them: each
/// access to the word, taking and leaving the guard, settling a wait, and unparking are steps.
struct LockStateTests {
    /// What a strand does next.
    enum Phase: Hashable {
        case idle
        /// The exchange of `acquire()` failed.
        case mustWait
        /// In `enrol`: wants the guard, has it, has looked at the word, has announced itself.
        case enrols, looks, hasSeen(UInt32), announced
        case parked
        /// In `withdraw`.
        case withdraws(WaitOutcome), clears(WaitOutcome)
        /// In `finish` and `passOn`.
        case finishes(WaitOutcome), passesOn(WaitOutcome)
        case passes(WaitOutcome, waking: Int?, clearing: Bool)
        case holds
        /// In `release()`: its exchange failed; has claimed a waiter; has stored the word.
        case mustWake, hasClaimed(Int?, UInt32), unparks(Int?)
        case done
    }

    /// What may end a strand's waits, besides the lock.
    struct Strand: Hashable {
        var phase = Phase.idle
        var attempt = LockAttempt()
        var isUnparked = false
        var timesOut: Bool
        /// A cancellation is to come; it has come, for a wait that was not there yet.
        var isToBeCancelled: Bool
        var isCancelRequested = false
        /// How often it acquires.
        var rounds: Int
    }

    /// Everything at one moment.
    struct World {
        var word = LockWord(bits: 0)
        var state = LockState<PlainQueue>()
        var strands: [Strand]
        var outcomes: [WaitOutcome]
        /// Who has the guard.
        var guardian: Int?
        /// How many have queued so far: the clock.
        var arrivals: UInt64 = 0

        /// What tells it from others.
        struct Key: Hashable {
            let bits: UInt32
            let queue: [Int]
            let strands: [Strand]
            let outcomes: [WaitOutcome]
            let guardian: Int?
        }

        var key: Key {
            Key(
                bits: word.bits, queue: state.waiters.numbers, strands: strands,
                outcomes: outcomes, guardian: guardian)
        }
    }

    final class Exploration {
        let outcomes = PlainOutcomes(count: 3)
        private(set) var seen: Set<World.Key> = []
        private var open: [World] = []
        /// Endings that were met, to see that the exploration meets all.
        private(set) var met: Set<String> = []

        func explore(from start: World) {
            add(start)
            while let world = open.popLast() {
                check(world)
                var isStuck = true
                for number in world.strands.indices {
                    if advance(number, world) { isStuck = false }
                    end(number, world)
                }
                let areDone = world.strands.allSatisfy { $0.phase == .done }
                #expect(areDone || !isStuck, "nobody goes on: \(world)")
                if areDone {
                    #expect(world.word.bits == 0 && world.state.waiters.isEmpty)
                }
            }
        }

        private func add(_ world: World) {
            if seen.insert(world.key).inserted { open.append(world) }
        }

        /// Adds the world after `change`.
        private func branch(_ world: World, _ change: (inout World) -> Void) {
            var next = world
            outcomes.values = world.outcomes
            change(&next)
            next.outcomes = outcomes.values
            add(next)
        }

        private func check(_ world: World) {
            let holders = world.strands.indices.count { has($0, world) }
            #expect(holders <= 1, "two hold it: \(world)")
            // A release under way, from the claim to the store, is a holder's still.
            #expect(world.word.isHeld == (holders == 1), "nobody holds it: \(world)")
        }

        /// Whether the lock is this strand's, be it that it does not know yet.
        private func has(_ number: Int, _ world: World) -> Bool {
            switch world.strands[number].phase {
            case .holds, .mustWake: true
            case .hasClaimed(let waiter, _):
                waiter.map { world.outcomes[$0] != .granted } ?? true
            case .parked: world.outcomes[number] == .granted
            case .finishes(.granted): true
            case .finishes: world.strands[number].attempt.isTaken
            default: false
            }
        }

        /// A wait ends because of time or cancellation, at any moment.
        private func end(_ number: Int, _ world: World) {
            let strand = world.strands[number]
            let isPending = world.outcomes[number] == .pending
            if strand.timesOut, strand.phase == .parked, isPending {
                branch(world) { world in
                    outcomes.values[number] = .timedOut
                    world.strands[number].isUnparked = true
                }
            }
            guard strand.isToBeCancelled, strand.phase != .done else { return }
            branch(world) { world in
                world.strands[number].isToBeCancelled = false
                switch (strand.phase, isPending) {
                case (.enrols, true), (.looks, true), (.hasSeen, true), (.announced, true),
                    (.parked, true):
                    outcomes.values[number] = .cancelled
                    world.strands[number].isUnparked = true
                default: world.strands[number].isCancelRequested = true
                }
            }
        }

        /// Takes the strand's next step, if it can: each way that it may go.
        private func advance(_ number: Int, _ world: World) -> Bool {
            let isGuarded = world.guardian != nil
            switch world.strands[number].phase {
            case .idle: branch(world) { begin(number, &$0) }
            case .mustWait:
                branch(world) { wait(number, &$0) }
                if let taken = world.word.taken, world.strands[number].attempt.since == nil {
                    // Others wait, but `tryAcquire` and spinning may be quicker.
                    branch(world) {
                        $0.word = taken
                        $0.strands[number].phase = .holds
                    }
                }
            case .enrols:
                if isGuarded { return false }
                branch(world) {
                    $0.guardian = number
                    $0.strands[number].phase = .looks
                }
            case .looks:
                branch(world) { $0.strands[number].phase = .hasSeen($0.word.bits) }
            case .hasSeen(let bits): branch(world) { enter(number, &$0, LockWord(bits: bits)) }
            case .announced: branch(world) { queue(number, &$0) }
            case .parked:
                guard world.strands[number].isUnparked else { return false }
                branch(world) { world in
                    let outcome = outcomes.values[number]
                    world.strands[number].phase =
                        outcome.isWoken ? .finishes(outcome) : .withdraws(outcome)
                }
            case .withdraws, .clears, .passesOn, .finishes, .passes:
                return giveUp(number, world)
            case .holds, .mustWake, .hasClaimed, .unparks: return release(number, world)
            case .done: return false
            }
            return true
        }

        // MARK: Acquiring

        private func begin(_ number: Int, _ world: inout World) {
            let isFree = world.word.bits == 0
            if isFree { world.word.bits = 1 }
            world.strands[number].phase = isFree ? .holds : .mustWait
        }

        /// `Parking.block` asks the strand first.
        private func wait(_ number: Int, _ world: inout World) {
            outcomes.values[number] = .pending
            world.strands[number].isUnparked = false
            let isCancelled = world.strands[number].isCancelRequested
            world.strands[number].isCancelRequested = false
            world.strands[number].phase = isCancelled ? .finishes(.cancelled) : .enrols
        }

        private func enter(_ number: Int, _ world: inout World, _ expected: LockWord) {
            guard world.word == expected else {
                world.strands[number].phase = .looks
                return
            }
            world.word = expected.entered
            if expected.isHeld {
                world.strands[number].phase = .announced
                return
            }
            world.guardian = nil
            world.strands[number].attempt.isTaken = true
            // Who cancelled it meanwhile, is told that the wait was not needed.
            if outcomes.values[number] == .cancelled {
                world.strands[number].isCancelRequested = true
            }
            world.strands[number].phase = .finishes(.woken)
        }

        private func queue(_ number: Int, _ world: inout World) {
            let since = world.strands[number].attempt.since
            if since == nil {
                world.strands[number].attempt.since = world.arrivals
                world.arrivals += 1
            }
            // As WaitQueue: what was settled before is not linked.
            if outcomes.values[number] == .pending {
                if let since {
                    let now = world
                    world.state.queueAgain(waiter(number)) { age($0.number, now) > since }
                } else {
                    world.state.queue(waiter(number))
                }
            }
            world.guardian = nil
            world.strands[number].phase = .parked
        }

        // MARK: Giving up

        private func giveUp(_ number: Int, _ world: World) -> Bool {
            let isGuarded = world.guardian != nil
            switch world.strands[number].phase {
            case .withdraws(let outcome):
                if isGuarded { return false }
                branch(world) { world in
                    let clears = world.state.withdraw(waiter(number))
                    if clears { world.guardian = number }
                    world.strands[number].phase = clears ? .clears(outcome) : .finishes(outcome)
                }
            case .clears(let outcome):
                branch(world) { world in
                    world.word.bits &= ~LockWord.waitersBit
                    world.guardian = nil
                    world.strands[number].phase = .finishes(outcome)
                }
            case .finishes(let outcome): branch(world) { finish(number, &$0, outcome) }
            case .passesOn(let outcome):
                if isGuarded { return false }
                branch(world) { world in
                    let (waiter, clears) = world.state.passOn(world.word)
                    if waiter != nil { met.insert("passed on") }
                    world.guardian = number
                    world.strands[number].phase = .passes(
                        outcome, waking: waiter?.number, clearing: clears)
                }
            case .passes(_, let woken, let clears):
                branch(world) { world in
                    if clears { world.word.bits &= ~LockWord.waitersBit }
                    world.guardian = nil
                    world.strands[number].phase = .unparks(woken)
                }
            default: return false
            }
            return true
        }

        private func finish(_ number: Int, _ world: inout World, _ outcome: WaitOutcome) {
            switch world.strands[number].attempt.verdict(outcome) {
            case .held:
                world.strands[number].phase = .holds
                met.insert("\(outcome)")
            case .again:
                world.strands[number].phase = .mustWait
                met.insert("again")
            case .gaveUp(mustPassOn: true): world.strands[number].phase = .passesOn(outcome)
            case .gaveUp(mustPassOn: false): leave(number, &world)
            }
        }

        // MARK: Releasing

        private func release(_ number: Int, _ world: World) -> Bool {
            switch world.strands[number].phase {
            case .holds:
                branch(world) { world in
                    if world.word.bits == 1 {
                        world.word.bits = 0
                        leave(number, &world)
                    } else {
                        world.strands[number].phase = .mustWake
                    }
                }
            case .mustWake:
                if world.guardian != nil { return false }
                for isOwed in [false, true] {
                    branch(world) { world in
                        let line = world.state.waiters.numbers.filter {
                            outcomes.values[$0] == .pending
                        }
                        let (waiter, word) = world.state.release(world.word) { _ in isOwed }
                        let oldest = line.min { age($0, world) < age($1, world) }
                        #expect(waiter?.number == oldest, "not the oldest of \(line)")
                        world.guardian = number
                        world.strands[number].phase = .hasClaimed(waiter?.number, word.bits)
                    }
                }
            case .hasClaimed(let waiter, let bits):
                branch(world) { world in
                    world.word.bits = bits
                    world.guardian = nil
                    world.strands[number].phase = .unparks(waiter)
                }
            case .unparks(let waiter):
                branch(world) { world in
                    if let waiter { world.strands[waiter].isUnparked = true }
                    leave(number, &world)
                }
            default: return false
            }
            return true
        }

        private func age(_ number: Int, _ world: World) -> UInt64 {
            world.strands[number].attempt.since ?? .max
        }

        /// Ends a round.
        private func leave(_ number: Int, _ world: inout World) {
            world.strands[number].rounds -= 1
            world.strands[number].attempt = LockAttempt()
            outcomes.values[number] = .pending
            world.strands[number].isUnparked = false
            let isLast = world.strands[number].rounds == 0
            world.strands[number].phase = isLast ? .done : .idle
        }

        private func waiter(_ number: Int) -> PlainWaiter {
            PlainWaiter(number: number, outcomes: outcomes)
        }
    }
    /// How often each strand acquires, and which may time out and be cancelled.
    struct Scenario: Sendable {
        let rounds: [Int]
        let givingUp: Range<Int>
    }

    @Test(
        .enabled(if: exploresAll, "explored to the end in release builds"),
        arguments: [
            Scenario(rounds: [1, 1, 1], givingUp: 0..<3),
            // One that overtakes the others.
            Scenario(rounds: [2, 1, 1], givingUp: 1..<3),
            // One that overtakes both of them, before either is back in the queue.
            Scenario(rounds: [4, 1, 1], givingUp: 0..<0),
        ])
    func `no order of steps admits two, loses a wakeup or the order of waiters`(
        _ scenario: Scenario
    ) {
        let strands = scenario.rounds.enumerated().map { number, rounds in
            let givesUp = scenario.givingUp.contains(number)
            return Strand(timesOut: givesUp, isToBeCancelled: givesUp, rounds: rounds)
        }
        let exploration = Exploration()
        exploration.explore(
            from: World(strands: strands, outcomes: Array(repeating: .pending, count: 3)))
        #expect(exploration.seen.count > 10_000)
        let expected: Set = ["woken", "granted", "again"]
        #expect(exploration.met.isSuperset(of: expected))
        #expect(exploration.met.contains("passed on") == !scenario.givingUp.isEmpty)
    }
}

extension PlainQueue: LockWaiterList {}
