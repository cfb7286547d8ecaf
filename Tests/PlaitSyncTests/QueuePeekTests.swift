import PlaitParking
@testable import PlaitSync
import PlaitPlatform
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct QueuePeekTests {
    @Test func `a look at the ring leaves it serving alone`() throws {
        let queue = Queue<Int>([1, 2], capacity: 2)
        let ring = try #require(queue.ring)
        for _ in 0..<3 { #expect(try queue.tryPeek() == 1) }
        #expect(!ring.isTailDiverted && !ring.isHeadDiverted)
        #expect(queue.count == 2 && queue.unfinishedCount == 2)
    }

    @Test func `a look sees the oldest although more lie behind the ring`() throws {
        let queue = Queue<Int>(Array(0..<2_000), capacity: 2_000)
        for item in 0..<2_000 {
            #expect(try queue.tryPeek() == item)
            #expect(try queue.tryGet() == item)
        }
        #expect(try queue.tryPeek() == nil)
    }

    @Test(arguments: WaiterKind.allCases)
    func `while one looks out for an item, none passes unseen`(_ kind: WaiterKind) async throws {
        let queue = Queue<Int>(capacity: 2)
        let ring = try #require(queue.ring)
        let peeking = kind.start({ try queue.peek() }, task: { try await queue.peek() })
        try await peeking.untilParked()
        #expect(ring.isTailDiverted && ring.isHeadDiverted)
        #expect(try queue.tryPut(1))
        #expect(try await peeking.value() == 1)
        #expect(!ring.isTailDiverted && !ring.isHeadDiverted)
    }

    @Test(arguments: WaiterKind.allCases)
    func `one who gives up looking is off the list`(_ kind: WaiterKind) async throws {
        let queue = Queue<Int>(capacity: 1)
        let ring = try #require(queue.ring)
        let peeking = kind.start({ try queue.peek() }, task: { try await queue.peek() })
        try await peeking.untilParked()
        peeking.cancel()
        await #expect(throws: CancellationError.self) { try await peeking.value() }
        let timed = kind.start(
            { try queue.peek(within: .milliseconds(1)) },
            task: { try await queue.peek(within: .milliseconds(1)) })
        await #expect(throws: TimedOut.self) { try await timed.value() }
        #expect(queue.withState { $0.peekers.isEmpty })
        #expect(!ring.isTailDiverted && !ring.isHeadDiverted)
    }

    @Test(arguments: WaiterKind.allCases)
    func `one who looks and comes too late looks out for the next`(_ kind: WaiterKind) async throws
    {
        let queue = Queue<Int>(capacity: 2)
        let peekers = (0..<3).map { _ in
            kind.start({ try queue.peek() }, task: { try await queue.peek() })
        }
        for peeker in peekers { try await peeker.untilParked() }
        // It may be gone before they look.
        #expect(try queue.tryPut(1))
        _ = try queue.tryGet()
        #expect(try queue.tryPut(2))
        for peeker in peekers { #expect([1, 2].contains(try await peeker.value())) }
        #expect(queue.withState { $0.peekers.isEmpty })
    }

    @Test func `a look for what its storage fails to show throws`() async throws {
        struct Blind: QueueStorage {
            struct Refused: Error {}
            var count: Int { 1 }
            mutating func push(_ item: Int) {}
            mutating func pop() -> Int { 0 }
            func peek() throws -> Int { throw Refused() }
        }
        let queue = BlockingQueue(capacity: 1, storage: Blind())
        #expect(throws: Blind.Refused.self) { try queue.tryPeek() }
        await #expect(throws: Blind.Refused.self) { try await queue.peek() }
        #expect(try queue.tryGet() == 0)
    }
}
