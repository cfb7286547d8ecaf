import PlaitSync
import Testing
import TestSupport

extension Stress {
    /// Threads, fibers and tasks around a buffer of one place, made of a lock and two conditions:
    /// a single notification lost, and it stands still.
    @Suite(.serialized)
    struct ConditionBuffers {
        enum Over: CaseIterable, Sendable { case lock, recursiveLock }

        private final class Buffer: @unchecked Sendable {
            // Sendable: the conditions' lock guards `item`, `puts` and `gets`.
            private let filled: Condition
            private let emptied: Condition
            private var item: Int?
            private var puts = 0
            private var gets = 0
            private let total: Int
            let sum = Count()

            init(_ over: Over, total: Int) {
                self.total = total
                switch over {
                case .lock:
                    let lock = Lock()
                    filled = Condition(lock: lock)
                    emptied = Condition(lock: lock)
                case .recursiveLock:
                    let lock = RLock()
                    filled = Condition(lock: lock)
                    emptied = Condition(lock: lock)
                }
            }

            var isDrained: Bool { filled.withLock { gets == total } }

            // MARK: Under the lock

            private var mayPut: Bool { item == nil || puts == total }
            private var mayGet: Bool { item != nil || gets == total }

            /// False when nothing more is to be put.
            private func store() -> Bool {
                guard puts < total else { return false }
                puts += 1
                item = puts
                filled.notify()
                if puts == total { emptied.notifyAll() }
                return true
            }

            /// False when nothing more is to be got.
            private func fetch() -> Bool {
                guard let item else { return false }
                self.item = nil
                gets += 1
                sum.add(item)
                emptied.notify()
                if gets == total { filled.notifyAll() }
                return true
            }

            // MARK: Steps

            func put() throws -> Bool {
                try emptied.withLock { () throws in
                    try emptied.wait(for: { mayPut })
                    return store()
                }
            }

            func put() async throws -> Bool {
                try await emptied.withLock {
                    try await emptied.wait(for: { mayPut })
                    return store()
                }
            }

            /// False when the end was reached; true also when the limit was.
            func get(within limit: Duration?) throws -> Bool {
                try filled.withLock { () throws in
                    try !filled.wait(for: { mayGet }, within: limit) || fetch()
                }
            }

            func get(within limit: Duration?) async throws -> Bool {
                try await filled.withLock {
                    try await !filled.wait(for: { mayGet }, within: limit) || fetch()
                }
            }
        }

        @Test(arguments: Over.allCases)
        func `a buffer loses nothing, whoever times out or is cancelled`(
            _ over: Over
        ) async throws {
            let total = Stress.rounds(20_000)
            let buffer = Buffer(over, total: total)
            let patient = WaiterKind.allCases.map { kind in
                kind.start(
                    usesPool: true,
                    { while try buffer.get(within: nil) {} },
                    task: { while try await buffer.get(within: nil) {} })
            }
            let hasty = WaiterKind.allCases.map { kind in
                kind.start(
                    usesPool: true,
                    {
                        var round = 0
                        while try buffer.get(within: Stress.limit(round)) { round += 1 }
                    },
                    task: {
                        var round = 0
                        while try await buffer.get(within: Stress.limit(round)) { round += 1 }
                    })
            }
            let putters = WaiterKind.allCases.map { kind in
                kind.start(
                    usesPool: true, { while try buffer.put() {} },
                    task: { while try await buffer.put() {} })
            }
            let victims = WaiterKind.allCases.map { Victim($0) }
            let canceller = WaiterKind.thread.start(
                {
                    var round = 0
                    while !buffer.isDrained {
                        victims[round % victims.count].cancel()
                        Stress.dawdle(round)
                        Stress.pause()
                        round += 1
                    }
                }, task: {})
            try await withThrowingTaskGroup(of: Void.self) { group in
                for victim in victims {
                    let isOver = Count()
                    group.addTask {
                        try await victim.run(until: { _ in isOver.value > 0 }) {
                            do {
                                if try !buffer.get(within: nil) { isOver.add() }
                            } catch is CancellationError {}
                        } task: {
                            do {
                                if try await !buffer.get(within: nil) { isOver.add() }
                            } catch is CancellationError {}
                        }
                    }
                }
                try await group.waitForAll()
            }
            for strand in patient + hasty + putters { try await strand.value() }
            try await canceller.value()
            #expect(buffer.sum.value == total * (total + 1) / 2)
        }
    }
}
