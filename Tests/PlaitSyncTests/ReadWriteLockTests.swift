import PlaitParking
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct ReadWriteLockTests {
    @Test func `many may read; one may write, and nobody else then`() {
        let lock = ReadWriteLock()
        #expect("\(lock)".hasPrefix("ReadWriteLock(free, "))
        #expect(lock.tryAcquireRead())
        #expect(lock.tryAcquireRead())
        #expect(lock.readerCount == 2)
        #expect(lock.isReadLocked && !lock.isWriteLocked)
        #expect("\(lock)".hasPrefix("ReadWriteLock(readers: 2, "))
        #expect(!lock.tryAcquireWrite())
        lock.releaseRead()
        #expect(!lock.tryAcquireWrite())
        lock.releaseRead()
        #expect(lock.tryAcquireWrite())
        #expect(lock.isWriteLocked && !lock.isReadLocked)
        #expect("\(lock)".hasPrefix("ReadWriteLock(writer, "))
        #expect(!lock.tryAcquireWrite())
        #expect(!lock.tryAcquireRead())
        lock.releaseWrite()
        #expect(!lock.isWriteLocked && !lock.isReadLocked)
    }

    @Test func `releasing what is not read traps and names the strand`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread(named: "culprit") {
                let lock = ReadWriteLock()
                #expect(lock.tryAcquireWrite())
                lock.releaseRead()
            }
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(
            said.contains("releaseRead of a ReadWriteLock that nobody reads, by strand culprit"))
    }

    @Test func `releasing what is not written traps and names the strand`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread(named: "culprit") {
                let lock = ReadWriteLock()
                #expect(lock.tryAcquireRead())
                lock.releaseWrite()
            }
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(
            said.contains("releaseWrite of a ReadWriteLock that nobody writes, by strand culprit"))
    }

    @Test func `releasing once too often traps`() async {
        await #expect(processExitsWith: .failure) {
            let lock = ReadWriteLock()
            for _ in 0..<2 { #expect(lock.tryAcquireRead()) }
            for _ in 0..<3 { lock.releaseRead() }
        }
        await #expect(processExitsWith: .failure) {
            let lock = ReadWriteLock()
            #expect(lock.tryAcquireWrite())
            for _ in 0..<2 { lock.releaseWrite() }
        }
    }

    @Test(arguments: WaiterKind.allCases)
    func `a timed wait tells whether it got the lock`(_ kind: WaiterKind) async throws {
        let lock = ReadWriteLock()
        func read(_ limit: Duration) async throws -> Bool {
            try await kind.start(
                { try lock.acquireRead(within: limit) },
                task: { try await lock.acquireRead(within: limit) }
            ).value()
        }
        func write(_ limit: Duration) async throws -> Bool {
            try await kind.start(
                { try lock.acquireWrite(within: limit) },
                task: { try await lock.acquireWrite(within: limit) }
            ).value()
        }
        #expect(try await read(.zero))
        #expect(try await read(.milliseconds(1)))
        #expect(try await !write(.zero))
        #expect(try await !write(.milliseconds(1)))
        #expect(lock.readerCount == 2)
        lock.releaseRead()
        lock.releaseRead()
        #expect(try await write(.zero))
        #expect(try await !read(.zero))
        #expect(try await !read(.milliseconds(1)))
        #expect(try await !write(.milliseconds(1)))
        lock.releaseWrite()
        #expect(try await write(.seconds(-1)))
        lock.releaseWrite()
        #expect("\(lock)".hasPrefix("ReadWriteLock(free, "))
    }

    @Test(arguments: WaiterKind.allCases)
    func `the bodies run holding it, and their ends release it`(_ kind: WaiterKind) async throws {
        struct Failure: Error {}
        let lock = ReadWriteLock()
        let running = kind.start(
            {
                #expect(lock.withReadLock { lock.withReadLock { lock.readerCount } } == 2)
                #expect(lock.withWriteLock { lock.isWriteLocked })
                #expect(throws: Failure.self) { try lock.withReadLock { throw Failure() } }
                try lock.withWriteLock { throw Failure() }
            },
            task: { () async throws in
                #expect(
                    try await lock.withReadLock { try await lock.withReadLock { lock.readerCount } }
                        == 2)
                #expect(try await lock.withWriteLock { lock.isWriteLocked })
                await #expect(throws: Failure.self) {
                    try await lock.withReadLock { throw Failure() }
                }
                try await lock.withWriteLock {
                    await Task.yield()
                    throw Failure()
                }
            })
        await #expect(throws: Failure.self) { try await running.value() }
        #expect("\(lock)".hasPrefix("ReadWriteLock(free, "))
    }

    @Test(arguments: [false, true])
    func `the bodies of a strand run even when it is cancelled`(_ writes: Bool) async throws {
        let lock = ReadWriteLock()
        for kind in [WaiterKind.thread, .fiber] {
            #expect(lock.tryAcquireWrite())
            let hasRun = Box(false)
            let waiting = kind.start(
                {
                    if writes {
                        lock.withWriteLock { hasRun.set(true) }
                    } else {
                        lock.withReadLock { hasRun.set(true) }
                    }
                    #expect(throws: CancellationError.self) { try Event().wait() }
                }, task: {})
            try await waiting.untilParked()
            waiting.cancel()
            #expect(!hasRun.value)
            lock.releaseWrite()
            try await waiting.value()
            #expect(hasRun.value)
        }
    }

    @Test(arguments: WaiterKind.allCases)
    func `it knows its writer, also of one to whom it was handed over`(
        _ kind: WaiterKind
    ) async throws {
        let lock = ReadWriteLock()
        #expect(lock.writer == .none)
        let mayRelease = Event()
        func write() -> Started<Bool> {
            kind.start(
                {
                    try lock.acquireWrite()
                    let isKnown = lock.writer == .current
                    try mayRelease.wait()
                    lock.releaseWrite()
                    return isKnown
                },
                task: {
                    try await lock.acquireWrite()
                    let isKnown = lock.writer == .current
                    try await mayRelease.wait()
                    lock.releaseWrite()
                    return isKnown
                })
        }
        let first = write()
        try await first.untilParked()
        let known = lock.writer
        #expect(known != .none)
        let second = write()
        try await second.untilParked()
        #expect(lock.writer == known)
        mayRelease.set()
        #expect(try await first.value())
        #expect(try await second.value())
        #expect(lock.writer == .none)
        #expect(lock.tryAcquireRead())
        #expect(lock.writer == .none)
    }

    @Test func `one that is handed over has its writer before that runs`() async throws {
        let lock = ReadWriteLock()
        #expect(lock.tryAcquireWrite())
        let waiting = WaiterKind.thread.start(
            {
                try lock.acquireWrite()
                return StrandKey.current
            }, task: { .none })
        try await waiting.untilParked()
        lock.releaseWrite()
        let known = lock.writer
        #expect(try await waiting.value() == known)
    }
}
