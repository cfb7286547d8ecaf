import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Contract, row 1, for the primitives whose waiters hold each other back.
    @Suite(.serialized)
    struct GivingUpRaces {
        private static func permit(_ semaphore: BoundedSemaphore) -> GivingUp.Wait {
            GivingUp.Wait(
                blocking: { if try semaphore.acquire(within: $0) { semaphore.release() } },
                suspending: { if try await semaphore.acquire(within: $0) { semaphore.release() } })
        }

        private static func reading(_ lock: ReadWriteLock) -> GivingUp.Wait {
            GivingUp.Wait(
                blocking: { if try lock.acquireRead(within: $0) { lock.releaseRead() } },
                suspending: { if try await lock.acquireRead(within: $0) { lock.releaseRead() } })
        }

        private static func writing(_ lock: ReadWriteLock) -> GivingUp.Wait {
            GivingUp.Wait(
                blocking: { if try lock.acquireWrite(within: $0) { lock.releaseWrite() } },
                suspending: { if try await lock.acquireWrite(within: $0) { lock.releaseWrite() } })
        }

        @Test(arguments: WaiterKind.pairs, GivingUp.Ending.allCases)
        func `a bounded semaphore's permit goes to the next when the first just gave up`(
            _ kinds: (WaiterKind, WaiterKind), _ ending: GivingUp.Ending
        ) async throws {
            let semaphore = BoundedSemaphore(permits: 1)
            try await GivingUp(
                close: { _ in #expect(semaphore.tryAcquire()) },
                open: { _ in semaphore.release() },
                finish: { _ in #expect(semaphore.permits == 1) },
                hasty: Self.permit(semaphore), patient: Self.permit(semaphore)
            ).run(kinds, ending, rounds: Stress.rounds(2_000))
        }

        @Test(arguments: WaiterKind.pairs, GivingUp.Ending.allCases)
        func `a writer that gives up lets in the reader that it held back`(
            _ kinds: (WaiterKind, WaiterKind), _ ending: GivingUp.Ending
        ) async throws {
            let lock = ReadWriteLock()
            try await GivingUp(
                close: { _ in #expect(lock.tryAcquireRead()) },
                // In every other round the writer cannot get it, and holds back the reader only
                // until it gives up.
                open: { round in if round % 4 < 2 { lock.releaseRead() } },
                finish: { round in
                    if round % 4 >= 2 { lock.releaseRead() }
                    #expect(lock.tryAcquireWrite())
                    lock.releaseWrite()
                },
                hasty: Self.writing(lock), patient: Self.reading(lock)
            ).run(kinds, ending, rounds: Stress.rounds(2_000))
        }

        @Test(arguments: WaiterKind.pairs, GivingUp.Ending.allCases)
        func `a written lock goes to the next writer when a reader or writer just gave up`(
            _ kinds: (WaiterKind, WaiterKind), _ ending: GivingUp.Ending
        ) async throws {
            let lock = ReadWriteLock()
            for hasty in [Self.reading(lock), Self.writing(lock)] {
                try await GivingUp(
                    close: { _ in #expect(lock.tryAcquireWrite()) },
                    open: { _ in lock.releaseWrite() },
                    finish: { _ in #expect("\(lock)".hasPrefix("ReadWriteLock(free, ")) },
                    hasty: hasty, patient: Self.writing(lock)
                ).run(kinds, ending, rounds: Stress.rounds(1_000))
            }
        }

        @Test(arguments: WaiterKind.pairs)
        func `many readers and writers with limits exclude each other, and all end`(
            _ readerKind: WaiterKind, _ writerKind: WaiterKind
        ) async throws {
            final class Pair: @unchecked Sendable {
                // Sendable: `lock` guards both halves.
                let lock = ReadWriteLock()
                var halves = (0, 0)
            }
            let pair = Pair()
            let written = Count()
            @Sendable func read() {
                #expect(pair.halves.0 == pair.halves.1)
                pair.lock.releaseRead()
            }
            @Sendable func write(_ round: Int) {
                pair.halves.0 += 1
                Stress.dawdle(round)
                pair.halves.1 += 1
                written.add()
                pair.lock.releaseWrite()
            }
            let rounds = Stress.rounds(20_000)
            let readers = (0..<Stress.crowd(readerKind)).map { number in
                readerKind.start(
                    usesPool: true,
                    {
                        for round in 0..<rounds / Stress.crowd(readerKind)
                        where try pair.lock.acquireRead(within: Stress.limit(round + number)) {
                            read()
                        }
                    },
                    task: {
                        for round in 0..<rounds / Stress.crowd(readerKind)
                        where try await pair.lock.acquireRead(within: Stress.limit(round + number))
                        {
                            read()
                        }
                    })
            }
            let writers = (0..<Stress.crowd(writerKind)).map { number in
                writerKind.start(
                    usesPool: true,
                    {
                        for round in 0..<rounds / Stress.crowd(writerKind)
                        where try pair.lock.acquireWrite(within: Stress.limit(round + number)) {
                            write(round)
                        }
                    },
                    task: {
                        for round in 0..<rounds / Stress.crowd(writerKind)
                        where try await pair.lock.acquireWrite(within: Stress.limit(round + number))
                        {
                            write(round)
                        }
                    })
            }
            for strand in readers + writers { try await strand.value() }
            #expect(pair.halves == (written.value, written.value))
            #expect("\(pair.lock)".hasPrefix("ReadWriteLock(free, "))
        }
    }
}
