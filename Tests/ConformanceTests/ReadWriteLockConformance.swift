import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct ReadWriteLockConformance {
    private func read(
        _ kind: WaiterKind, _ lock: ReadWriteLock, _ note: @escaping @Sendable () -> Void = {}
    ) -> Started<Void> {
        kind.start(
            {
                try lock.acquireRead()
                note()
            },
            task: {
                try await lock.acquireRead()
                note()
            })
    }

    private func write(
        _ kind: WaiterKind, _ lock: ReadWriteLock, _ note: @escaping @Sendable () -> Void = {}
    ) -> Started<Void> {
        kind.start(
            {
                try lock.acquireWrite()
                note()
            },
            task: {
                try await lock.acquireWrite()
                note()
            })
    }

    @Test(arguments: WaiterKind.pairs)
    func `a writer waits for readers, a reader for a writer`(
        _ first: WaiterKind, _ second: WaiterKind
    ) async throws {
        let lock = ReadWriteLock()
        try await read(first, lock).value()
        let writing = write(second, lock)
        try await writing.untilParked()
        #expect(lock.readerCount == 1)
        try await first.start({ lock.releaseRead() }, task: { lock.releaseRead() }).value()
        try await writing.value()
        #expect(lock.isWriteLocked)
        let reading = read(first, lock)
        try await reading.untilParked()
        try await second.start({ lock.releaseWrite() }, task: { lock.releaseWrite() }).value()
        try await reading.value()
        #expect(lock.readerCount == 1)
    }

    @Test(arguments: WaiterKind.pairs)
    func `a writer that waits holds back later readers, and neither side starves`(
        _ reader: WaiterKind, _ writer: WaiterKind
    ) async throws {
        let lock = ReadWriteLock()
        let order = Box<[String]>([])
        @Sendable func note(_ name: String) { order.update { $0.append(name) } }
        #expect(lock.tryAcquireRead())
        let writers = [write(writer, lock) { note("w1") }]
        try await writers[0].untilParked()
        #expect(!lock.tryAcquireRead())
        let readers = [read(reader, lock) { note("r") }, read(reader, lock) { note("r") }]
        for strand in readers { try await strand.untilParked() }
        let last = write(writer, lock) { note("w2") }
        try await last.untilParked()
        #expect(order.value == [])
        lock.releaseRead()
        try await writers[0].value()
        #expect(order.value == ["w1"])
        // The readers that waited, all of them, before the next writer.
        lock.releaseWrite()
        for strand in readers { try await strand.value() }
        #expect(order.value == ["w1", "r", "r"])
        #expect(lock.readerCount == 2)
        #expect(!lock.tryAcquireRead())
        lock.releaseRead()
        lock.releaseRead()
        try await last.value()
        lock.releaseWrite()
        #expect(order.value == ["w1", "r", "r", "w2"])
    }

    @Test(arguments: WaiterKind.allCases)
    func `writers follow each other in the order in which they came`(
        _ kind: WaiterKind
    ) async throws {
        let lock = ReadWriteLock()
        let order = Box<[Int]>([])
        #expect(lock.tryAcquireWrite())
        var writers: [Started<Void>] = []
        for number in 0..<5 {
            let writer = write(kind, lock) { order.update { $0.append(number) } }
            try await writer.untilParked()
            writers.append(writer)
        }
        for writer in writers {
            lock.releaseWrite()
            try await writer.value()
        }
        #expect(order.value == Array(0..<5))
    }

    @Test(arguments: WaiterKind.pairs)
    func `a writer that is cancelled lets in the readers that it held back`(
        _ writer: WaiterKind, _ reader: WaiterKind
    ) async throws {
        let lock = ReadWriteLock()
        #expect(lock.tryAcquireRead())
        let writing = write(writer, lock)
        try await writing.untilParked()
        let readers = [read(reader, lock), read(reader, lock)]
        for strand in readers { try await strand.untilParked() }
        #expect(lock.readerCount == 1)
        writing.cancel()
        await #expect(throws: CancellationError.self) { try await writing.value() }
        for strand in readers { try await strand.value() }
        #expect(lock.readerCount == 3)
    }

    @Test(arguments: WaiterKind.pairs)
    func `a writer whose limit passes lets in the readers that it held back`(
        _ writer: WaiterKind, _ reader: WaiterKind
    ) async throws {
        let lock = ReadWriteLock()
        #expect(lock.tryAcquireRead())
        for limit in [Duration.zero, .milliseconds(1), .milliseconds(5)] {
            let writing = writer.start(
                { try lock.acquireWrite(within: limit) },
                task: { try await lock.acquireWrite(within: limit) })
            // It comes before, during or after the writer's wait.
            let reading = read(reader, lock)
            #expect(try await !writing.value())
            try await reading.value()
            lock.releaseRead()
        }
        #expect(lock.readerCount == 1)
    }

    @Test(arguments: WaiterKind.pairs)
    func `one that is cancelled leaves the next its turn`(
        _ cancelled: WaiterKind, _ patient: WaiterKind
    ) async throws {
        let lock = ReadWriteLock()
        #expect(lock.tryAcquireWrite())
        let first = write(cancelled, lock)
        try await first.untilParked()
        let second = write(patient, lock)
        try await second.untilParked()
        first.cancel()
        lock.releaseWrite()
        do {
            try await first.value()
            // The cancellation of a fiber takes the way through its hub, and may come too late.
            lock.releaseWrite()
        } catch is CancellationError {}
        try await second.value()
        lock.releaseWrite()
        #expect(lock.tryAcquireWrite())
    }
}
