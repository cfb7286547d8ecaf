import PlaitSync
import Testing
import TestSupport

/// A storage whose next push or pop fails when it is told so.
final class FailingStorage: QueueStorage, @unchecked Sendable {
    // Sendable: `items` is the queue's, under its lock; the switches are guarded by their boxes.
    struct PushFailed: Error {}
    struct PopFailed: Error {}

    let failsNextPush = Box(false)
    let failsNextPop = Box(false)
    let pops = Box(0)
    private var items: [Int] = []

    var count: Int { items.count }

    func push(_ item: Int) throws {
        if take(failsNextPush) { throw PushFailed() }
        items.append(item)
    }

    func pop() throws -> Int {
        pops.update { $0 += 1 }
        if take(failsNextPop) { throw PopFailed() }
        return items.removeFirst()
    }

    func peek() throws -> Int { items[0] }

    private func take(_ flag: Box<Bool>) -> Bool {
        flag.update { value in
            defer { value = false }
            return value
        }
    }
}

/// A queue in an order of one's own.
@Suite(.timeLimit(.hang))
struct QueueStorageConformance {
    private func makeQueue(
        capacity: Int
    ) -> (storage: FailingStorage, queue: BlockingQueue<FailingStorage>) {
        let storage = FailingStorage()
        return (storage, BlockingQueue(capacity: capacity, storage: storage))
    }

    // QU-017
    @Test(arguments: WaiterKind.allCases)
    func `a put that the storage refuses throws its error, and nothing is put or counted`(
        _ kind: WaiterKind
    ) async throws {
        let (storage, queue) = makeQueue(capacity: 2)
        storage.failsNextPush.set(true)
        let failing = kind.start({ try queue.put(1) }, task: { try await queue.put(1) })
        await #expect(throws: FailingStorage.PushFailed.self) { try await failing.value() }
        storage.failsNextPush.set(true)
        #expect(throws: FailingStorage.PushFailed.self) { try queue.tryPut(1) }
        #expect(queue.isEmpty && queue.unfinishedCount == 0)
        try await kind.start({ try queue.put(2) }, task: { try await queue.put(2) }).value()
        #expect(queue.count == 1 && queue.unfinishedCount == 1)
        #expect(try queue.tryGet() == 2)
    }

    // QU-017
    @Test(arguments: WaiterKind.allCases)
    func `a get that the storage refuses throws its error, and the item stays`(
        _ kind: WaiterKind
    ) async throws {
        let (storage, queue) = makeQueue(capacity: 2)
        try await queue.put(1)
        storage.failsNextPop.set(true)
        let failing = kind.start({ try queue.get() }, task: { try await queue.get() })
        await #expect(throws: FailingStorage.PopFailed.self) { try await failing.value() }
        storage.failsNextPop.set(true)
        #expect(throws: FailingStorage.PopFailed.self) { try queue.tryGet() }
        #expect(queue.count == 1 && queue.unfinishedCount == 1)
        let getting = kind.start({ try queue.get() }, task: { try await queue.get() })
        #expect(try await getting.value() == 1)
    }

    // QU-017
    @Test(arguments: WaiterKind.pairs)
    func `a putter that waited gets the storage's error, and its place goes to the next`(
        _ refused: WaiterKind, _ next: WaiterKind
    ) async throws {
        let (storage, queue) = makeQueue(capacity: 1)
        try await queue.put(0)
        let first = refused.start({ try queue.put(1) }, task: { try await queue.put(1) })
        try await first.untilParked()
        let second = next.start({ try queue.put(2) }, task: { try await queue.put(2) })
        try await second.untilParked()
        storage.failsNextPush.set(true)
        #expect(try queue.tryGet() == 0)
        await #expect(throws: FailingStorage.PushFailed.self) { try await first.value() }
        try await second.value()
        #expect(queue.count == 1 && queue.unfinishedCount == 2)
        #expect(try queue.tryGet() == 2)
    }

    // QU-017
    @Test(arguments: WaiterKind.pairs)
    func `a getter that waited gets the storage's error, and the item goes to the next`(
        _ refused: WaiterKind, _ next: WaiterKind
    ) async throws {
        let (storage, queue) = makeQueue(capacity: 1)
        let first = refused.start({ try queue.get() }, task: { try await queue.get() })
        try await first.untilParked()
        let second = next.start({ try queue.get() }, task: { try await queue.get() })
        try await second.untilParked()
        storage.failsNextPop.set(true)
        #expect(try queue.tryPut(7))
        await #expect(throws: FailingStorage.PopFailed.self) { try await first.value() }
        #expect(try await second.value() == 7)
        #expect(queue.isEmpty && queue.unfinishedCount == 1)
    }

    // QU-017
    @Test(arguments: WaiterKind.pairs)
    func `a lone getter gets the storage's error, and who looks sees the item that stays`(
        _ getter: WaiterKind, _ peeker: WaiterKind
    ) async throws {
        let (storage, queue) = makeQueue(capacity: 1)
        let getting = getter.start({ try queue.get() }, task: { try await queue.get() })
        try await getting.untilParked()
        let peeking = peeker.start({ try queue.peek() }, task: { try await queue.peek() })
        try await peeking.untilParked()
        storage.failsNextPop.set(true)
        let putting = peeker.start({ try queue.put(3) }, task: { try await queue.put(3) })
        try await putting.value()
        await #expect(throws: FailingStorage.PopFailed.self) { try await getting.value() }
        #expect(try await peeking.value() == 3)
        #expect(try queue.tryGet() == 3)
    }

    // GV-067
    @Test(arguments: WaiterKind.allCases)
    func `every item goes through a storage of one's own, even past a getter that waits`(
        _ kind: WaiterKind
    ) async throws {
        let (storage, queue) = makeQueue(capacity: 2)
        let getting = kind.start({ try queue.get() }, task: { try await queue.get() })
        try await getting.untilParked()
        try await kind.start({ try queue.put(1) }, task: { try await queue.put(1) }).value()
        #expect(try await getting.value() == 1)
        #expect(storage.pops.value == 1)
        #expect(try queue.tryPut(2))
        #expect(try queue.tryGet() == 2)
        #expect(storage.pops.value == 2)
    }

    @Test(arguments: WaiterKind.allCases)
    func `what a failing storage does not give up at a shut down can still be got`(
        _ kind: WaiterKind
    ) async throws {
        let (storage, queue) = makeQueue(capacity: 2)
        try await queue.put(1)
        try await queue.put(2)
        storage.failsNextPop.set(true)
        queue.shutDown(immediately: true)
        let getting = kind.start(
            { try [queue.get(), queue.get()] },
            task: { [try await queue.get(), try await queue.get()] })
        #expect(try await getting.value() == [1, 2])
        #expect(throws: QueueError.shutDown) { try queue.tryGet() }
    }
}
